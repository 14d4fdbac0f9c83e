#pragma once
// The names of the ledger's topics.

#include <string>
#include <string_view>

namespace sluice::ledger {

// Holds every fact of every sale and order.
inline constexpr std::string_view kOrdersTopic = "seckill.orders";

// Records that can't be processed go to the topic of this prefix and the name of their own.
inline constexpr std::string_view kDeadLetterPrefix = "dlq.";

inline std::string dead_letter_topic(std::string_view topic) {
  return std::string(kDeadLetterPrefix).append(topic);
}

}  // namespace sluice::ledger
