#pragma once
// Delivery: what a shop's own system is still to be told about an order, as the orders database
// keeps it (docs/webhook.md, docs/orders-database.md).

#include <cstddef>
#include <cstdint>
#include <string>

namespace sluice::orders {

struct Delivery {
  std::string id;        // the same at each attempt, and for the same fact in any database
  std::string order_id;  // an order's deliveries leave in the order of their offsets
  std::string type;      // "order.placed"
  std::string body;
  std::int32_t log_partition = 0;
  std::int64_t log_offset = 0;        // of the record that it comes from
  std::int64_t created_at = 0;        // Unix ms, as are all times here
  std::int64_t due_at = 0;            // not to be sent before
  std::int64_t attempts = 0;          // that failed, since it was made or sent back
  std::int64_t first_attempt_at = 0;  // of these; 0: there was none
  bool parked = false;                // not sent any more, until somebody sends it back
  std::string last_error;             // of the newest attempt

  friend bool operator==(const Delivery&, const Delivery&) = default;
};

// The longest `last_error`.
inline constexpr std::size_t kMaxLastErrorBytes = 256;

// What has become of an attempt.
struct DeliveryOutcome {
  enum class Kind : unsigned char { delivered, again, parked };

  std::string id;
  Kind kind = Kind::delivered;
  // Of `again` and `parked`:
  std::int64_t attempts_before = 0;  // counts only if nobody has counted one since
  std::int64_t first_attempt_at = 0;
  std::int64_t due_at = 0;
  std::string error;

  friend bool operator==(const DeliveryOutcome&, const DeliveryOutcome&) = default;
};

struct DeliveryCounts {
  std::int64_t pending = 0;
  std::int64_t parked = 0;
  std::int64_t oldest_pending = 0;  // when it was made; 0: nothing is pending

  friend bool operator==(const DeliveryCounts&, const DeliveryCounts&) = default;
};

}  // namespace sluice::orders
