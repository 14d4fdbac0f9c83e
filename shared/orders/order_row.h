#pragma once
// OrderRow: an order as the orders database has it (docs/orders-database.md).

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/ledger/fold.h"

namespace sluice::orders {

// The version of the tables that this program writes and reads.
inline constexpr int kSchemaVersion = 3;
// The first one with webhook_deliveries.
inline constexpr int kDeliveriesSince = 2;

// `state` is placed or rejected when the row is made.
struct OrderRow {
  std::string order_id;
  std::string sale;
  std::string user_id;
  std::int64_t quantity = 0;
  std::int64_t unit_price = 0;  // minor units
  std::string currency;
  ledger::OrderState state = ledger::OrderState::placed;
  std::string reason;            // why it was rejected, else empty
  std::int64_t reserved_at = 0;  // Unix ms, as are the next two
  std::int64_t deadline = 0;     // 0: none
  std::int64_t placed_at = 0;    // when the row was made
  std::int32_t log_partition = 0;
  std::int64_t log_offset = 0;  // of the record that it comes from

  friend bool operator==(const OrderRow&, const OrderRow&) = default;
};

// The reason in a row whose money goes back: it was paid when its units were free again.
inline constexpr std::string_view kRefundDue = "refund_due";
// How the reason begins of a row whose reserve could not be read: its order holds nothing and never
// did. Its quantity is 0, which no order's is.
inline constexpr std::string_view kMalformed = "malformed: ";

// The state that the column names; `reserved`, which no row is in, for any other text.
ledger::OrderState state_named(std::string_view name);

}  // namespace sluice::orders
