// GET /v1/orders/{id}: what the log says of an order, or that it is on its way there.

#include <functional>
#include <string>

#include <fmt/format.h>

#include "frontend/handlers/api.h"
#include "frontend/request_fields.h"
#include "frontend/time_text.h"
#include "shared/http/problem.h"

namespace sluice::frontend {
namespace {

Buffer status_json(const OrderStatus& order) {
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
  json += "}\n";
  return json;
}

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

// State and reason are all of the representation that changes.
std::string etag_of(const OrderStatus& order) {
  if (order.reason.empty()) return '"' + order.state + '"';
  return fmt::format("\"{}-{:x}\"", order.state, std::hash<std::string>{}(order.reason));
}

http::Response answer(const http::Request& request, const OrderStatus& order) {
  const std::string etag = etag_of(order);
  const bool unchanged = lists_tag(request.header("If-None-Match").value_or(ByteView()), etag);
  http::Response response =
      unchanged ? http::Response(304) : http::Response::json(200, status_json(order));
  response.add("ETag", etag);
  response.add("Cache-Control", "private, no-cache");
  return response;
}

http::Answer show(const Api& api, const http::Request& request) {
  const ByteView id = request.param("id");
  const auto packed = ledger::pack_order_id(id);
  if (packed) {
    // In flight first: what leaves there is in the ledger already.
    if (const auto in_flight = api.in_flight.find(*packed)) {
      return answer(request, status_of(*in_flight));
    }
    if (const auto order = api.ledger.find_order(id)) return answer(request, *order);
  }
  if (!api.ledger.ready()) {
    return problem(503, "starting", "The service is starting").response().add("Retry-After", "1");
  }
  return problem(404, "no-such-order", "No such order").response();
}

}  // namespace

void add_order_status(http::Router& router, const Api& api) {
  router.add("GET", "/v1/orders/{id}",
             [api](const http::Request& request) { return show(api, request); });
}

}  // namespace sluice::frontend
