#pragma once
// The headers of dead letters. Those of the error are Kafka's (KIP-1191), so that its tools read
// ours and ours read its; Kafka has no code.

#include <string_view>

namespace sluice::ledger {

// Of a letter: the record's origin, and why it is here. Without key and value it holds no copy.
inline constexpr std::string_view kDlqErrors = "__dlq.errors.";
inline constexpr std::string_view kDlqErrorsTopic = "__dlq.errors.topic";
inline constexpr std::string_view kDlqErrorsPartition = "__dlq.errors.partition";
inline constexpr std::string_view kDlqErrorsOffset = "__dlq.errors.offset";
inline constexpr std::string_view kDlqErrorsCode = "__dlq.errors.code";
inline constexpr std::string_view kDlqErrorsMessage = "__dlq.errors.message";

// Of a record that was sent back to its origin: the letter that it was, and how many times it was
// sent back by now. Whoever makes a letter of it again keeps them.
inline constexpr std::string_view kDlqRedriveTopic = "__dlq.redrive.topic";
inline constexpr std::string_view kDlqRedrivePartition = "__dlq.redrive.partition";
inline constexpr std::string_view kDlqRedriveOffset = "__dlq.redrive.offset";
inline constexpr std::string_view kDlqRedriveAttempts = "__dlq.redrive.attempts";

// Of a mark, a record behind the letter in its partition with neither key nor value: which letter
// was sent back, and where the record is now.
inline constexpr std::string_view kDlqMarkLetter = "__dlq.mark.letter";
inline constexpr std::string_view kDlqMarkTopic = "__dlq.mark.topic";
inline constexpr std::string_view kDlqMarkPartition = "__dlq.mark.partition";
inline constexpr std::string_view kDlqMarkOffset = "__dlq.mark.offset";

// What every header of these begins with.
inline constexpr std::string_view kDlqHeaders = "__dlq.";

}  // namespace sluice::ledger
