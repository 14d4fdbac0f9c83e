#pragma once
// LineRecord: the durable facts of a sale's waiting line, and how they look on the log. Pure.

#include <cstdint>
#include <string>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace sluice::frontend {

// Limits of what a record may say, so that no arithmetic on it overflows.
inline constexpr std::int64_t kMaxLineNumber = 1'000'000'000'000'000;
inline constexpr std::size_t kMaxLineSecretBytes = 128;

struct LineRecord {
  std::string secret;          // text; signs the tickets and draws the shuffle
  std::int64_t issued = 0;     // numbers below may have been given out
  std::int64_t shuffled = -1;  // numbers below came before the start; -1: it has not started
  std::int64_t since = 0;      // from this time on (Unix ms) …
  std::int64_t called = 0;     // … when so many were called already …
  std::int64_t rate = 1;       // … so many a second are

  friend bool operator==(const LineRecord&, const LineRecord&) = default;
};

Buffer encode(const LineRecord& record);
// An error names the field.
Result<LineRecord> decode_line_record(ByteView text);

}  // namespace sluice::frontend
