#include "frontend/order_view.h"

#include <functional>

#include <fmt/format.h>

#include "frontend/handlers/api.h"
#include "frontend/request_fields.h"
#include "frontend/time_text.h"
#include "shared/http/problem.h"

namespace sluice::frontend {
namespace {

OrderStatus status_of(const InFlight::View& in_flight) {
  const ledger::Reserve& reserve = in_flight.reserve;
  return {.order = reserve.order,
          .sale = reserve.sale,
          .user = reserve.user,
          .currency = reserve.currency,
          .unit_price = reserve.unit_price,
          .quantity = reserve.quantity,
          .reserved_at = reserve.reserved_at,
          .deadline = reserve.deadline,
          .state = in_flight.durable ? "queued" : "pending"};
}

}  // namespace

// In flight first: what leaves there is in the ledger already.
std::optional<OrderStatus> look_up(const InFlight& in_flight, const LedgerReader& ledger,
                                   std::string_view id) {
  const auto packed = ledger::pack_order_id(id);
  if (!packed) return std::nullopt;
  if (const auto sent = in_flight.find(*packed)) return status_of(*sent);
  return ledger.find_order(id);
}

bool is_under_way(const OrderStatus& order) {
  return order.state == "pending" || order.state == "queued";
}

Buffer order_json(const OrderStatus& order) {
  Buffer json = fmt::format(R"({{"order_id":"{}","sale":"{}","user":)", order.order, order.sale);
  http::append_json_string(json, order.user);
  json += fmt::format(R"(,"quantity":{},"unit_price":{},"currency":)", order.quantity,
                      order.unit_price);
  http::append_json_string(json, order.currency);
  json +=
      fmt::format(R"(,"state":"{}","reserved_at":"{}")", order.state, rfc3339({order.reserved_at}));
  if (order.deadline > 0) json += fmt::format(R"(,"expires_at":"{}")", rfc3339({order.deadline}));
  if (!order.reason.empty()) {
    json += R"(,"reason":)";
    http::append_json_string(json, order.reason);
  }
  if (order.refund_due) json += R"(,"refund_due":true)";
  json += '}';
  return json;
}

// State, reason and refund are all of the representation that changes.
std::string order_tag(const OrderStatus& order) {
  std::string tag = order.refund_due ? order.state + "-refund" : order.state;
  if (!order.reason.empty()) tag += fmt::format("-{:x}", std::hash<std::string>{}(order.reason));
  return '"' + tag + '"';
}

http::Response show_order(const http::Request& request, const OrderStatus& order) {
  const std::string tag = order_tag(order);
  const bool unchanged = lists_tag(request.header("If-None-Match").value_or(ByteView()), tag);
  http::Response response =
      unchanged ? http::Response(304) : http::Response::json(200, order_json(order) + "\n");
  response.add("ETag", tag);
  response.add("Cache-Control", "private, no-cache");
  return response;
}

http::Response no_such_order() {
  return problem(404, "no-such-order", "No such order").response();
}

}  // namespace sluice::frontend
