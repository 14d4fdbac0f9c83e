// GET and POST /sales/{sale}/buy, POST /sales/{sale}/buyer: buying without JavaScript. The page
// says where its visitor stands and asks anew by itself; what he sends is a form, answered by where
// to go on. Each page is of its visitor alone, so no cache may have it.

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "frontend/form.h"
#include "frontend/handlers/inner_api.h"
#include "frontend/handlers/page_answers.h"
#include "frontend/order_view.h"
#include "frontend/request_fields.h"
#include "shared/ledger/order_id.h"

namespace sluice::frontend {
namespace {

using ledger::SaleStage;

// Seconds until the page asks again: while the sale is paused, or sold out; at most, before it
// begins.
constexpr std::int64_t kLookPaused = 5;
constexpr std::int64_t kLookSoldOut = 15;
constexpr std::int64_t kLookScheduled = 60;
// For which the browser remembers who buys.
constexpr std::int64_t kBuyerLifeSeconds = 30 * 86'400;

// What is said of a refusal. Its {n} is the limit of one user.
struct Refusal {
  std::string_view code;
  std::string_view text;
};
constexpr Refusal kRefusals[] = {{"sold-out", "refused.sold_out"},
                                 {"sale-paused", "refused.paused"},
                                 {"sale-ended", "refused.closed"},
                                 {"sale-not-started", "wait.early"},
                                 {"limit-reached", "refused.limit"},
                                 {"key-reused", "refused.limit"},
                                 {"blocked", "refused.excluded"},
                                 {"not-allowed", "refused.excluded"},
                                 {"purchase-token-required", "plain.again"},
                                 {"purchase-token-invalid", "plain.again"},
                                 {"no-user", "login_over"},
                                 {"invalid-token", "login_over"}};

std::optional<std::int64_t> number_in(ByteView body, std::string_view name, std::int64_t most) {
  const auto text = form_value(body, name);
  std::int64_t number = -1;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  const bool whole = error == std::errc() && end == text->data() + text->size();
  return whole && number >= 0 && number <= most ? std::optional(number) : std::nullopt;
}

std::int64_t held_by(const std::vector<OrderStatus>& orders) {
  std::int64_t held = 0;
  for (const OrderStatus& order : orders) {
    if (is_under_way(order) || order.state == "placed" || order.state == "paid") {
      held += order.quantity;
    }
  }
  return held;
}

class Counter {
 public:
  using Self = std::shared_ptr<Counter>;

  explicit Counter(const Api& api) : api_(api), inner_(api) {}

  static Task<http::Response> show(Self self, const http::Request& request) {
    return page_for(std::move(self), request, 200, {});
  }

  static Task<http::Response> buy(Self self, const http::Request& request);
  static Task<http::Response> name(Self self, const http::Request& request);

 private:
  // What the page has beside the sale.
  struct Found {
    CounterView view;
    std::string set_cookie;
  };

  static Task<http::Response> page_for(Self self, const http::Request& request, int status,
                                       Saying saying);
  static Task<void> look(Self self, const http::Request& request, Found& found, WallTime now);
  static Task<void> look_at_line(Self self, const http::Request& request, Found& found);
  static Task<void> fetch_token(Self self, const http::Request& request, Found& found);

  PageVisit visit(const http::Request& request) const {
    PageVisit visit = visit_of(api_, request);
    visit.path = fmt::format("/sales/{}/buy", request.param("sale"));
    return visit;
  }
  std::string here(const http::Request& request) const {
    const PageVisit visit = this->visit(request);
    return visit.path + visit.query();
  }
  // Why a form is not looked at.
  std::optional<http::Response> refuse_form(const http::Request& request) const;
  InnerApi::Question question(std::string_view method, std::string path,
                              std::string_view user) const;
  Saying saying_of(const InnerApi::Reply& reply, const SaleStock& sale,
                   std::int64_t quantity) const;

  Api api_;
  InnerApi inner_;
};

std::optional<http::Response> Counter::refuse_form(const http::Request& request) const {
  const PageVisit visit = this->visit(request);
  if (is_from_another_origin(request)) return notice(403, visit, "another_origin");
  if (!is_form(request)) return notice(415, visit, "not_a_form");
  return std::nullopt;
}

InnerApi::Question Counter::question(std::string_view method, std::string path,
                                     std::string_view user) const {
  InnerApi::Question question{
      .method = std::string(method), .path = std::move(path), .body = {}, .headers = {}};
  // With tokens the cookie says it.
  if (!api_.identity.is_proven()) question.headers.emplace_back("X-User-Id", user);
  return question;
}

// ---- where the visitor stands ----------------------------------------------------------------

Task<http::Response> Counter::page_for(Self self, const http::Request& request, int status,
                                       Saying saying) {
  const Api& api = self->api_;
  const PageVisit visit = self->visit(request);
  if (!api.ledger.ready()) co_return starting_page(visit);
  const SaleStock* sale = api.stock.find(request.param("sale"));
  const auto view = sale == nullptr ? std::nullopt : view_of(*sale, visit.now);
  if (!view) co_return notice(404, visit, "no_such_sale");
  const UserName user = buyer_of(api, request);
  const std::vector<OrderStatus> orders =
      user.empty() ? std::vector<OrderStatus>() : orders_of(api, user.view(), sale);
  Found found{.view = {.sale = *view, .user = user.view(), .saying = {}, .orders = orders},
              .set_cookie = {}};
  co_await look(self, request, found, visit.now);
  if (!saying.key.empty()) found.view.saying = saying;
  http::Response response = private_page(status, visit, pages().counter(found.view, visit));
  if (!found.set_cookie.empty()) response.add("Set-Cookie", found.set_cookie);
  co_return response;
}

Task<void> Counter::look(Self self, const http::Request& request, Found& found, WallTime now) {
  CounterView& view = found.view;
  const ledger::Sale& sale = *view.sale.definition;
  const SaleStage stage = view.sale.stage;
  if (stage != SaleStage::open) view.saying = {fmt::format("note.{}", stage_name(stage))};
  if (stage == SaleStage::paused) view.refresh_seconds = kLookPaused;
  if (stage == SaleStage::sold_out) view.refresh_seconds = kLookSoldOut;
  if (stage == SaleStage::scheduled) {
    const std::int64_t wait_ms = sale.starts_at.value_or(0) - now.unix_millis;
    view.refresh_seconds = std::clamp<std::int64_t>((wait_ms + 999) / 1000, 1, kLookScheduled);
  }
  if (view.user.empty()) {
    // Not while he writes his name.
    view.refresh_seconds.reset();
    if (stage == SaleStage::open && !self->api_.identity.is_proven()) view.saying = {"plain.name"};
    co_return;
  }
  const bool sells = stage == SaleStage::open || stage == SaleStage::scheduled;
  const bool has_all = held_by({view.orders.begin(), view.orders.end()}) >= sale.per_user_limit;
  if (!sells || has_all) co_return;
  view.may_buy = stage == SaleStage::open;
  if (sale.proof_of_work > 0) {
    view.may_buy = false;
    view.saying = {"plain.work"};
    co_return;
  }
  if (sale.waiting_room_rate > 0) co_await look_at_line(self, request, found);
  if (view.may_buy && ledger::needs_purchase_token(sale))
    co_await fetch_token(self, request, found);
}

// Takes a place for whoever has none.
Task<void> Counter::look_at_line(Self self, const http::Request& request, Found& found) {
  CounterView& view = found.view;
  const InnerApi::Reply reply = co_await self->inner_.ask(
      request,
      self->question("POST", fmt::format("/v1/sales/{}/ticket", view.sale.definition->sale),
                     view.user));
  found.set_cookie = reply.set_cookie;
  if (reply.status != 200) {
    view.may_buy = false;
    view.saying = self->saying_of(reply, *self->api_.stock.find(view.sale.definition->sale), 1);
    view.refresh_seconds = std::max<std::int64_t>(reply.retry_after_seconds(), 1);
    if (reply.status < 429) view.refresh_seconds.reset();
    co_return;
  }
  const boost::json::value* waits = reply.body.if_contains("inWaitingRoom");
  if (waits == nullptr || *waits != true) {
    if (view.may_buy) view.saying = {"plain.called"};
    co_return;
  }
  view.may_buy = false;
  view.refresh_seconds = reply.number("refreshIntervalSeconds");
  const boost::json::value* known = reply.body.if_contains("waitTimeKnown");
  if (known != nullptr && *known == true) {
    view.saying = {"plain.queue", reply.number("waitTime"), reply.number("position")};
  } else {
    view.saying = {"wait.lot"};
  }
}

Task<void> Counter::fetch_token(Self self, const http::Request& request, Found& found) {
  CounterView& view = found.view;
  const InnerApi::Reply reply = co_await self->inner_.ask(
      request,
      self->question("POST", fmt::format("/v1/sales/{}/purchase-token", view.sale.definition->sale),
                     view.user));
  if (reply.status == 200) {
    view.purchase_token = reply.text("purchase_token");
    co_return;
  }
  view.may_buy = false;
  view.saying = self->saying_of(reply, *self->api_.stock.find(view.sale.definition->sale), 1);
}

// ---- what he sends ---------------------------------------------------------------------------

Saying Counter::saying_of(const InnerApi::Reply& reply, const SaleStock& sale,
                          std::int64_t quantity) const {
  if (reply.code() == "rate-limited" && reply.text("limit") != "global") {
    return {"plain.often", reply.retry_after_seconds()};
  }
  if (reply.code() == "sold-out" && reply.status == 410) return {"plain.vain"};
  if (reply.code() == "sold-out" && !sale.sold_out()) return {"refused.fewer", quantity};
  const auto* const known = std::ranges::find(kRefusals, reply.code(), &Refusal::code);
  if (known == std::end(kRefusals)) return {"plain.busy"};
  return {std::string(known->text), sale.definition().per_user_limit};
}

Task<http::Response> Counter::buy(Self self, const http::Request& request) {
  if (auto refused = self->refuse_form(request)) co_return std::move(*refused);
  const SaleStock* sale = self->api_.stock.find(request.param("sale"));
  const UserName user = buyer_of(self->api_, request);
  if (sale == nullptr || user.empty()) {
    const bool proven = self->api_.identity.is_proven();
    co_return co_await page_for(self, request, 401, {proven ? "login_over" : "plain.name"});
  }
  const auto quantity = number_in(request.body, "quantity", ledger::kMaxUnits);
  const auto slot = number_in(request.body, "slot", ledger::kMaxUnits);
  if (!quantity || *quantity == 0 || !slot) {
    co_return notice(400, self->visit(request), "not_a_form");
  }
  auto order = self->question("POST", fmt::format("/v1/sales/{}/orders", sale->id()), user.view());
  order.body = fmt::format(R"({{"quantity":{}}})", *quantity);
  // The page that is sent twice is the same order.
  order.headers.emplace_back("Idempotency-Key", ledger::slot_key(*slot));
  const std::string token = form_value(request.body, "token").value_or("");
  if (!token.empty()) order.headers.emplace_back("Sluice-Purchase-Token", token);
  const InnerApi::Reply reply = co_await self->inner_.ask(request, std::move(order));
  if (reply.status == 202) {
    const std::string query = self->visit(request).query();
    co_return see_other(fmt::format("/orders/{}{}", reply.text("order_id"), query));
  }
  if (reply.code() == "waiting-room") {
    http::Response response = see_other(self->here(request));
    if (!reply.set_cookie.empty()) response.add("Set-Cookie", reply.set_cookie);
    co_return response;
  }
  http::Response response =
      co_await page_for(self, request, reply.status, self->saying_of(reply, *sale, *quantity));
  if (!reply.retry_after.empty()) response.add("Retry-After", reply.retry_after);
  co_return response;
}

Task<http::Response> Counter::name(Self self, const http::Request& request) {
  if (auto refused = self->refuse_form(request)) co_return std::move(*refused);
  // With tokens nobody says himself who he is.
  if (!self->api_.ledger.ready()) co_return starting_page(self->visit(request));
  const bool proven = self->api_.identity.is_proven();
  if (proven || self->api_.stock.find(request.param("sale")) == nullptr) {
    co_return notice(404, self->visit(request), "no_such_sale");
  }
  const UserName user(form_value(request.body, "buyer").value_or(""));
  if (user.empty()) co_return co_await page_for(self, request, 400, {"buyer_invalid"});
  http::Response response = see_other(self->here(request));
  keep_buyer(response, user.view(), kBuyerLifeSeconds);
  co_return response;
}

}  // namespace

void add_counter(http::Router& router, const Api& api) {
  const auto counter = std::make_shared<Counter>(api);
  router.add("GET", "/sales/{sale}/buy",
             [counter](const http::Request& request) { return Counter::show(counter, request); });
  router.add("POST", "/sales/{sale}/buy",
             [counter](const http::Request& request) { return Counter::buy(counter, request); });
  router.add("POST", "/sales/{sale}/buyer",
             [counter](const http::Request& request) { return Counter::name(counter, request); });
}

}  // namespace sluice::frontend
