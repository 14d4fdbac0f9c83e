// GET /v1/orders/{id}: what the log says of an order, or that it is on its way there; at once, or
// (Prefer: wait=N, RFC 7240) when there is something new. GET /v1/orders: a user's orders.

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "frontend/handlers/api.h"
#include "frontend/order_view.h"
#include "frontend/request_fields.h"
#include "shared/http/problem.h"

namespace sluice::frontend {
namespace {

// A client that wants to wait longer asks again. Far below the time that proxies give an answer.
constexpr std::chrono::seconds kLongestWait{30};
// Orders of one page.
constexpr std::int64_t kPageOrders = 50;
constexpr std::int64_t kMaxPageOrders = 200;

// Without a tag there is something new when the order is not under way any more.
bool is_news(const http::Request& request, const OrderStatus& order) {
  const auto known = request.header("If-None-Match");
  return known ? !lists_tag(*known, order_tag(order)) : !is_under_way(order);
}

Task<http::Response> wait_for_news(Api api, const http::Request& request,
                                   ledger::PackedOrderId packed, std::chrono::seconds wait) {
  const Instant deadline = api.clock.now() + wait;
  const std::string id = ledger::order_id_text(packed);
  while (true) {
    OrderWatch watch(api.board, api.loop, api.clock, packed);
    const auto order = look_up(api.in_flight, api.ledger, id);
    if (!order) co_return no_such_order();
    if (is_news(request, *order) || api.clock.now() >= deadline || api.board.stopped()) {
      co_return show_order(request, *order).add("Preference-Applied", "wait");
    }
    co_await watch.changed_or(deadline);
  }
}

http::Answer show(const Api& api, const http::Request& request) {
  auto order = order_to_show(api, request);
  if (!order) return std::move(order.error());
  const auto wait = preferred_wait(request);
  if (!wait || is_news(request, *order)) return show_order(request, *order);
  return wait_for_news(api, request, *ledger::pack_order_id(order->order),
                       std::min(*wait, kLongestWait));
}

// "limit" and "after" of the query; empty: the limit is none.
std::optional<std::int64_t> page_size(const http::Request& request) {
  const auto text = request.query_value("limit");
  if (!text) return kPageOrders;
  std::int64_t limit = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  const bool whole = error == std::errc() && end == text->data() + text->size();
  if (!whole || limit < 1 || limit > kMaxPageOrders) return std::nullopt;
  return limit;
}

http::Answer list(const Api& api, const http::Request& request) {
  if (!api.ledger.ready()) return starting();
  auto user = api.identity.user_of(request, api.clock.wall());
  if (!user) return std::move(user.error());
  const auto limit = page_size(request);
  if (!limit) return bad_request(fmt::format("limit: must be from 1 to {}", kMaxPageOrders));
  const SaleStock* sale = nullptr;
  if (const auto id = request.query_value("sale")) {
    sale = api.stock.find(*id);
    if (sale == nullptr) return no_such_sale();
  }
  const auto orders = orders_of(api, user->view(), sale);
  auto at = orders.begin();
  if (const auto after = request.query_value("after")) {
    at = std::ranges::find(orders, *after, &OrderStatus::order);
    if (at == orders.end()) return no_such_order();
    ++at;
  }
  const auto count = std::min<std::int64_t>(*limit, orders.end() - at);
  const auto end = at + count;
  Buffer json = R"({"orders":[)";
  for (auto order = at; order != end; ++order) {
    if (order != at) json += ',';
    json += order_json(*order);
  }
  json += ']';
  if (end != orders.end()) json += fmt::format(R"(,"next":"{}")", std::prev(end)->order);
  json += "}\n";
  return http::Response::json(200, std::move(json)).add("Cache-Control", "private, no-store");
}

}  // namespace

// An order that another program put there for the user is among them.
std::vector<OrderStatus> orders_of(const Api& api, std::string_view user, const SaleStock* of) {
  std::vector<OrderStatus> orders;
  for (const SaleStock* sale : api.stock.all()) {
    if (of != nullptr && sale != of) continue;
    for (const auto& id : sale->orders_of(user)) {
      auto order = look_up(api.in_flight, api.ledger, ledger::order_id_text(id));
      if (order) orders.push_back(std::move(*order));
    }
  }
  std::ranges::sort(orders, [](const OrderStatus& a, const OrderStatus& b) {
    return std::pair(b.reserved_at, std::string_view(b.order)) <
           std::pair(a.reserved_at, std::string_view(a.order));
  });
  return orders;
}

void add_order_status(http::Router& router, const Api& api) {
  router.add("GET", "/v1/orders",
             [api](const http::Request& request) { return list(api, request); });
  router.add("GET", "/v1/orders/{id}",
             [api](const http::Request& request) { return show(api, request); });
}

}  // namespace sluice::frontend
