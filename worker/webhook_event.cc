#include "worker/webhook_event.h"

#include <string>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "shared/base/rfc3339.h"

namespace sluice::worker {
namespace {

namespace json = boost::json;

json::object data_of(const orders::OrderRow& row, const ledger::Paid* payment) {
  json::object data{{"order_id", row.order_id},
                    {"sale", row.sale},
                    {"user", row.user_id},
                    {"quantity", row.quantity},
                    {"unit_price", row.unit_price},
                    {"currency", row.currency},
                    {"state", ledger::name_of(row.state)}};
  if (row.reserved_at > 0) data["reserved_at"] = rfc3339({row.reserved_at});
  if (row.deadline > 0) data["expires_at"] = rfc3339({row.deadline});
  if (!row.reason.empty()) data["reason"] = row.reason;
  if (payment != nullptr) {
    if (!payment->payment.empty()) data["payment"] = payment->payment;
    if (payment->amount > 0) data["amount"] = payment->amount;
  }
  return data;
}

}  // namespace

orders::Delivery delivery_of(std::string_view fact, const orders::OrderRow& row, WallTime now,
                             const ledger::Paid* payment) {
  const std::string type = fmt::format("order.{}", fact);
  return {.id = fmt::format("{}-{}", row.order_id, fact),
          .order_id = row.order_id,
          .type = type,
          .body = json::serialize(json::object{
              {"type", type}, {"timestamp", rfc3339(now)}, {"data", data_of(row, payment)}}),
          .log_partition = row.log_partition,
          .log_offset = row.log_offset,
          .created_at = now.unix_millis,
          .due_at = now.unix_millis};
}

}  // namespace sluice::worker
