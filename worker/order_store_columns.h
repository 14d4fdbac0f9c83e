#pragma once
// Rows as SQL columns: vectors for SOCI's bulk statements, and rows back from a query. Only for the
// SOCI store.
//
// Keys and values are bytes but their columns are text, readable for people and the same in every
// database: what is not printable ASCII is kept as "hex:" and its digits.

#include <soci/soci.h>

#include <string>
#include <string_view>
#include <vector>

#include "worker/order_store.h"

namespace sluice::worker {

// A column per field. Built once per bulk insert and bound as it is.
struct OrderColumns {
  explicit OrderColumns(const std::vector<OrderRow>& rows);

  std::vector<std::string> order_id, sale, user_id, currency, state, reason;
  std::vector<long long> quantity, unit_price, reserved_at, deadline, placed_at, log_offset;
  std::vector<int> log_partition;
};

struct OutboxColumns {
  OutboxColumns(const std::vector<OutboxRow>& rows, const std::string& source);

  std::vector<std::string> source_topic, to_topic, key, value, headers;
  std::vector<soci::indicator> key_null, value_null;
  std::vector<int> source_partition, part, to_partition;
  std::vector<long long> source_offset;
};

struct DeliveryColumns {
  DeliveryColumns(const std::vector<orders::Delivery>& rows, const std::string& source);

  std::vector<std::string> id, order_id, type, body, topic;
  std::vector<int> log_partition;
  std::vector<long long> log_offset, created_at;
};

// Rows of the store's SELECTs, whose columns are in this order.
inline constexpr std::string_view kOrderColumns =
    "order_id, sale, user_id, quantity, unit_price, currency, state, reason, reserved_at, "
    "deadline, placed_at, log_partition, log_offset";
OrderRow order_row(const soci::row& row);
Unpaid unpaid_row(const soci::row& row);
OutboxRow outbox_row(const soci::row& row, std::int32_t partition);

// The inverse of each other. Text that is not of the form comes back as it is.
std::string column_text(ByteView bytes);
Buffer column_bytes(const std::string& text);

}  // namespace sluice::worker
