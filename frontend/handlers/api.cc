#include "frontend/handlers/api.h"

#include <string>
#include <utility>

#include "frontend/order_view.h"
#include "shared/http/problem.h"

namespace sluice::frontend {

ApiMetrics::ApiMetrics(metrics::Registry& registry)
    : accepted(registry.counter("sluice_frontend_orders_accepted_total", "Orders answered 202")),
      replayed(registry.counter("sluice_frontend_orders_replayed_total",
                                "Repeated requests answered with the order that was there")),
      sold_out(
          registry.counter("sluice_frontend_orders_sold_out_total", "Orders refused: sold out")),
      limit_reached(registry.counter("sluice_frontend_orders_limit_reached_total",
                                     "Orders refused: the user's limit")),
      unavailable(registry.counter("sluice_frontend_orders_unavailable_total",
                                   "Orders answered 503: nothing was reserved")),
      pending(registry.counter("sluice_frontend_orders_pending_total",
                               "Orders answered 202 before their outcome was known")),
      overloaded(registry.counter("sluice_frontend_orders_overloaded_total",
                                  "Orders answered 503: in_flight_orders_max were on their way")),
      waiting(registry.counter("sluice_frontend_orders_waiting_total",
                               "Orders refused: their user waits to be called")),
      tickets(registry.counter("sluice_frontend_waiting_room_tickets_total",
                               "Places given in waiting rooms")) {
  for (const RateLimit limit : kRateLimits) {
    rate_limited[static_cast<std::size_t>(limit)] =
        &registry.counter("sluice_frontend_orders_rate_limited_total",
                          "Requests for orders, places and tokens refused: a rate limit",
                          {{"limit", std::string(name_of(limit))}});
  }
}

std::expected<OrderStatus, http::Answer> order_to_show(const Api& api,
                                                       const http::Request& request) {
  UserName user;
  if (api.identity.is_proven()) {
    auto proven = api.identity.user_of(request, api.clock.wall());
    if (!proven) return std::unexpected(std::move(proven.error()));
    user = *proven;
  }
  auto order = look_up(api.in_flight, api.ledger, request.param("id"));
  if (!order && !api.ledger.ready()) return std::unexpected(http::Answer(starting()));
  // Whether others have an order is none of his business.
  const bool is_hidden = !order || (api.identity.is_proven() && order->user != user.view());
  if (is_hidden) return std::unexpected(http::Answer(no_such_order()));
  return std::move(*order);
}

http::Problem problem(int status, std::string_view code, std::string_view title) {
  return http::Problem(status, code, title, std::string("urn:sluice:problem:").append(code));
}

http::Response no_such_sale() {
  return problem(404, "no-such-sale", "No such sale").response();
}

http::Response starting() {
  return problem(503, "starting", "The service is starting")
      .detail("Nothing was reserved; the order log is still being read")
      .response()
      .add("Retry-After", "1");
}

http::Response log_unavailable(std::string_view title) {
  return problem(503, "log-unavailable", title)
      .detail("Nothing was changed; try again")
      .response()
      .add("Retry-After", "1");
}

http::Response bad_request(std::string_view detail) {
  return problem(400, "invalid-request", "The request is not valid").detail(detail).response();
}

http::Response not_json() {
  return problem(415, "unsupported-media-type", "The body must be JSON")
      .detail("Content-Type: must be application/json, or not be there")
      .response()
      .add("Accept", "application/json");
}

}  // namespace sluice::frontend
