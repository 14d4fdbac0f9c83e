// GET /orders/{id}, POST /orders/{id}/cancel: an order, and calling it off, without JavaScript.

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "frontend/handlers/inner_api.h"
#include "frontend/handlers/page_answers.h"
#include "frontend/order_view.h"
#include "frontend/request_fields.h"

namespace sluice::frontend {
namespace {

// Seconds until the page asks again: while the order is placed, and while it waits to be paid.
constexpr std::int64_t kLookUnderWay = 2;
constexpr std::int64_t kLookUnpaid = 30;

std::optional<std::int64_t> next_look(const OrderStatus& order) {
  if (is_under_way(order)) return kLookUnderWay;
  if (order.state == "placed" && order.deadline > 0) return kLookUnpaid;
  return std::nullopt;
}

http::Response page_of(const Api& api, const http::Request& request, int status, Saying saying) {
  PageVisit visit = visit_of(api, request);
  const ByteView id = request.param("id");
  visit.path = fmt::format("/orders/{}", id);
  if (!api.ledger.ready()) return starting_page(visit);
  const UserName user = buyer_of(api, request);
  const auto order = look_up(api.in_flight, api.ledger, id);
  const bool is_his = order && order->user == user.view();
  if (visit.is_proven && user.empty()) {
    const std::string login = visit.login_link();
    return login.empty() ? notice(401, visit, "no_such_order") : see_other(login);
  }
  // As in the API: with tokens to its own user, else to whoever knows its number.
  if (!order || (visit.is_proven && !is_his)) return notice(404, visit, "no_such_order");
  const SaleStock* sale = api.stock.find(order->sale);
  const bool is_open = order->state == "queued" || order->state == "placed";
  return private_page(
      status, visit,
      pages().order({.order = *order,
                     .title = sale == nullptr ? std::string_view(order->sale)
                                              : std::string_view(sale->definition().title),
                     .may_cancel = is_his && is_open,
                     .saying = std::move(saying),
                     .refresh_seconds = next_look(*order)},
                    visit));
}

struct OrderPage {
  explicit OrderPage(const Api& api) : api(api), inner(api) {}

  Api api;
  InnerApi inner;
};

Task<http::Response> cancel(std::shared_ptr<OrderPage> self, const http::Request& request) {
  const PageVisit visit = visit_of(self->api, request);
  if (is_from_another_origin(request)) co_return notice(403, visit, "another_origin");
  const UserName user = buyer_of(self->api, request);
  InnerApi::Question question{.method = "DELETE",
                              .path = fmt::format("/v1/orders/{}", request.param("id")),
                              .body = {},
                              .headers = {}};
  if (!visit.is_proven) question.headers.emplace_back("X-User-Id", user.view());
  const InnerApi::Reply reply = co_await self->inner.ask(request, std::move(question));
  if (reply.status != 200)
    co_return page_of(self->api, request, reply.status, {"plain.cancel_failed"});
  co_return see_other(fmt::format("/orders/{}{}", request.param("id"), visit.query()));
}

}  // namespace

void add_order_page(http::Router& router, const Api& api) {
  const auto page = std::make_shared<OrderPage>(api);
  router.add("GET", "/orders/{id}",
             [api](const http::Request& request) { return page_of(api, request, 200, {}); });
  router.add("POST", "/orders/{id}/cancel",
             [page](const http::Request& request) { return cancel(page, request); });
}

}  // namespace sluice::frontend
