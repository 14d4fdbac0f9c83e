// POST /v1/sales/{sale}/orders: socket to log in one visible line: reserve, append, 202.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "frontend/handlers/api.h"
#include "frontend/handlers/rate_refusals.h"
#include "frontend/handlers/refusals.h"
#include "frontend/handlers/sold_out.h"
#include "frontend/handlers/waiting_room.h"
#include "frontend/request_fields.h"
#include "frontend/time_text.h"
#include "frontend/whole_number.h"
#include "shared/async/one_shot.h"
#include "shared/base/fail_point.h"
#include "shared/ledger/event.h"
#include "shared/ledger/sale_state.h"

namespace sluice::frontend {
namespace {

using ledger::SaleStage;

constexpr std::string_view kPurchaseTokenHeader = "Sluice-Purchase-Token";

// The body is {"quantity": n} or nothing at all.
Result<std::int64_t> parse_quantity(ByteView body) {
  if (body.empty()) return 1;
  boost::system::error_code error;
  const boost::json::value json = boost::json::parse(body, error);
  if (error) return fail(Code::invalid, "body: not valid JSON: " + error.message());
  const auto* object = json.if_object();
  if (object == nullptr)
    return fail(Code::invalid, "body: must be an object like {\"quantity\":1}");
  std::int64_t quantity = 1;
  for (const auto& [name, value] : *object) {
    if (name != "quantity") {
      return fail(Code::invalid, fmt::format("body: unknown field \"{}\"; known: quantity",
                                             std::string_view(name).substr(0, 64)));
    }
    const auto number = whole_number(value);
    if (!number || *number < 1 || *number > ledger::kMaxUnits) {
      return fail(Code::invalid,
                  fmt::format("quantity: must be an integer from 1 to {}", ledger::kMaxUnits));
    }
    quantity = *number;
  }
  return quantity;
}

// {"order_id":…}: the same bytes for the first answer and for each repeat.
Buffer order_json(const ledger::Reserve& order, std::string_view state) {
  Buffer json = fmt::format(
      R"({{"order_id":"{}","sale":"{}","quantity":{},"state":"{}","status_url":"/v1/orders/{}")",
      order.order, order.sale, order.quantity, state, order.order);
  if (order.deadline > 0) {
    json += fmt::format(R"(,"expires_at":"{}")", rfc3339({order.deadline}));
  }
  json += "}\n";
  return json;
}

http::Response accepted(const ledger::Reserve& order, std::string_view state, bool replayed) {
  http::Response response = http::Response::json(202, order_json(order, state));
  response.add("Location", "/v1/orders/" + order.order);
  response.add("Retry-After", "1");
  response.add("Cache-Control", "no-store");
  if (replayed) response.add("Idempotency-Replayed", "true");
  return response;
}

class PlaceOrder {
 public:
  PlaceOrder(const Api& api, std::shared_ptr<const Refusals> refusals)
      : api_(api), refusals_(std::move(refusals)) {}

  // Cheapest check first; the per-user limit is checked before a unit is taken.
  http::Answer operator()(const http::Request& request) const {
    SaleStock* sale = api_.stock.find(request.param("sale"));
    if (!api_.ledger.ready()) return unavailable(refusals_->not_ready);
    if (sale == nullptr) return no_such_sale();
    const WallTime now = api_.clock.wall();
    const SaleStage stage = sale->stage(now);
    // What nobody new can have is refused before anybody has to prove who he is.
    if ((stage != SaleStage::open || sale->sold_out()) &&
        !sale->may_have_ordered(api_.identity.claimed(request).view())) {
      if (stage != SaleStage::open) return closed(*sale, stage, now);
      return refuse_sold_out(*sale, now);
    }
    if (request.header("Early-Data") == "1") return &refusals_->too_early;
    if (auto refused = refuse_address(api_, Asked::order, request)) return std::move(*refused);
    auto proven = api_.identity.user_of(request, now);
    if (!proven) return std::move(proven.error());
    const std::string_view user = proven->view();
    // Why the user may place no new order. Whoever has no token spends nothing of the rate of whom
    // he names.
    const http::StaticResponse* refusal = refuse_token(*sale, request, user, now);
    if (refusal != nullptr && !sale->may_have_ordered(user)) return refusal;
    if (auto refused = refuse_user(api_, Asked::order, user)) return std::move(*refused);
    if (refusal == nullptr) refusal = refusals_->by_lists(*api_.lists.get(), sale->id(), user);
    if (refusal != nullptr && !sale->may_have_ordered(user)) return refusal;
    const bool may_queue = stage == SaleStage::open && refusal == nullptr;
    auto waits = may_queue ? refuse_waiting(api_, *sale, request, user, now) : std::nullopt;
    if (waits && !sale->may_have_ordered(user)) return std::move(*waits);
    if (!says_json(request)) return not_json();
    const auto quantity = parse_quantity(request.body);
    if (!quantity) return bad_request(quantity.error().context);
    const auto given_key = idempotency_key(request, ledger::kMaxKeyBytes);
    if (!given_key) return bad_request(given_key.error().context);
    // Without a key a repeat is the same order: the user's first slot.
    const std::string key = given_key->value_or(ledger::slot_key(0));
    ledger::Reserve order;
    order.order = ledger::order_id(sale->id(), user, key);
    order.sale = sale->id();
    order.user = user;
    order.quantity = *quantity;
    order.key = key;
    order.reserved_at = now.unix_millis;
    if (may_queue && !waits) return reserve(*sale, std::move(order));
    // Whose answer was lost when the sale ended, or his token, or while he waits, still gets it.
    const auto id = *ledger::pack_order_id(order.order);
    const auto known = sale->look_up(user, id, order.quantity);
    if (known) return known_order(*known, std::move(order), id);
    if (stage != SaleStage::open) return closed(*sale, stage, now);
    if (refusal != nullptr) return refusal;
    return std::move(*waits);
  }

 private:
  // What is wrong with the purchase token, if the sale asks for one.
  const http::StaticResponse* refuse_token(const SaleStock& sale, const http::Request& request,
                                           std::string_view user, WallTime now) const {
    const ledger::Sale& definition = sale.definition();
    if (!ledger::needs_purchase_token(definition)) return nullptr;
    const auto token = request.header(kPurchaseTokenHeader);
    if (!token) return &refusals_->token_required;
    const auto verdict = api_.tokens.check(definition, user, *token, now);
    return verdict == PurchaseTokens::Verdict::good ? nullptr : &refusals_->token_invalid;
  }

  http::Answer refuse_sold_out(const SaleStock& sale, WallTime now) const {
    api_.metrics.sold_out.add();
    return sold_out(sale, now);
  }

  // Why the sale takes no order now.
  http::Answer closed(const SaleStock& sale, SaleStage stage, WallTime now) const {
    switch (stage) {
      case SaleStage::draft:
        return no_such_sale();
      case SaleStage::scheduled:
        return not_started(sale, now);
      case SaleStage::paused:
        return &refusals_->paused;
      case SaleStage::open:
      case SaleStage::sold_out:
      case SaleStage::closed:
      case SaleStage::settled:
        break;
    }
    return &refusals_->ended;
  }

  http::Answer reserve(SaleStock& sale, ledger::Reserve order) const {
    const auto id = *ledger::pack_order_id(order.order);
    // A new order needs the log; a repeat is answered from memory even while the log is away, and
    // whatever its load is.
    if (!sale.may_have_ordered(order.user)) {
      if (!api_.log.reachable()) return unavailable(refusals_->unreachable);
      if (api_.log.full()) return overloaded();
      if (auto refused = refuse_order(api_)) return std::move(*refused);
    }
    const auto result = sale.reserve(order.user, id, order.quantity);
    switch (result) {
      case SaleStock::Result::sold_out:
        return refuse_sold_out(sale, {order.reserved_at});
      case SaleStock::Result::limit_reached:
        api_.metrics.limit_reached.add();
        return limit_reached(sale, order.user);
      case SaleStock::Result::reserved:
        return append(sale, std::move(order), id);
      case SaleStock::Result::different:
      case SaleStock::Result::repeated:
        break;
    }
    return known_order(result, std::move(order), id);
  }

  http::Answer known_order(SaleStock::Result result, ledger::Reserve order,
                           ledger::PackedOrderId id) const {
    if (result == SaleStock::Result::repeated) return repeat(std::move(order), id);
    return problem(422, "key-reused", "The Idempotency-Key was used for another order")
        .detail("The first request with this key had another quantity")
        .member("order", "/v1/orders/" + order.order)
        .response();
  }

  http::Answer append(SaleStock& sale, ledger::Reserve order, ledger::PackedOrderId id) const {
    const ledger::Sale& definition = sale.definition();
    order.unit_price = definition.unit_price;
    order.currency = definition.currency;
    if (definition.payment_window_ms > 0) {
      order.deadline = order.reserved_at + definition.payment_window_ms;
    }
    FAIL_POINT("order-reserved");
    return send_and_answer(api_, sale, std::move(order), id);
  }

  // Sends the reserve and answers when its outcome is known, or after a while with "pending".
  static Task<http::Response> send_and_answer(Api api, SaleStock& sale, ledger::Reserve order,
                                              ledger::PackedOrderId id) {
    OneShot<Placement> placed;
    const auto partition = ledger::partition_of(order.sale, api.log.partition_count());
    // A change of the sale that is ahead of the reserve on the log must not make it void.
    const auto prepare = [&](const ledger::Reserve& reserve) {
      if (sale.stage_to_send({reserve.reserved_at}) != SaleStage::open) return false;
      api.in_flight.add(id, reserve, partition, api.clock.now(), answer_on(api.loop, placed));
      return true;
    };
    const auto sent = api.log.append(order, partition, prepare, report_to(api, sale, id));
    FAIL_POINT("order-sent");
    if (!sent && sent.error().code == Code::closed) {
      sale.undo(order.user, id);
      api.metrics.unavailable.add();
      co_return changed_meanwhile();
    }
    if (!sent) report_to(api, sale, id)({.outcome = client::Outcome::not_persisted});
    switch (co_await placed) {
      case Placement::queued:
        FAIL_POINT("order-queued");
        api.metrics.accepted.add();
        co_return accepted(order, "queued", false);
      case Placement::pending:
        api.metrics.accepted.add();
        api.metrics.pending.add();
        co_return accepted(order, "pending", false);
      case Placement::not_reserved:
        break;
    }
    api.metrics.unavailable.add();
    if (!sent && sent.error().code == Code::overloaded) api.metrics.overloaded.add();
    co_return not_reserved(sent);
  }

  // Within a few milliseconds: the next try is told what the sale is then.
  static http::Response changed_meanwhile() {
    return problem(503, "sale-changing", "The sale is being changed")
        .detail("Nothing was reserved; try again")
        .response()
        .add("Retry-After", "1");
  }

  static http::Response not_reserved(const Result<void>& sent) {
    const bool full = !sent && sent.error().code == Code::overloaded;
    auto response = full ? problem(503, "overloaded", "Too many orders are on their way to the log")
                         : problem(503, "log-unavailable", "Orders cannot be stored now");
    return response.detail("Nothing was reserved; try again").response().add("Retry-After", "1");
  }

  // Resumes the request on its loop, from whatever thread learned the outcome.
  static InFlight::Waiter answer_on(net::Loop& loop, OneShot<Placement>& placed) {
    return [&loop, &placed](Placement placement) {
      loop.post([&placed, placement] { placed.set(placement); });
    };
  }

  static client::Producer::Done report_to(const Api& api, SaleStock& sale,
                                          ledger::PackedOrderId id) {
    return [&in_flight = api.in_flight, &sale, id](client::Delivery delivery) {
      in_flight.delivered(id, delivery.outcome, [&sale, &id](const ledger::Reserve& reserve) {
        sale.undo(reserve.user, id);
      });
    };
  }

  http::Answer repeat(ledger::Reserve order, ledger::PackedOrderId id) const {
    api_.metrics.replayed.add();
    return wait_for_first(api_, std::move(order), id);
  }

  // The first request with this id may still be under way: then both get its answer.
  static Task<http::Response> wait_for_first(Api api, ledger::Reserve order,
                                             ledger::PackedOrderId id) {
    if (const auto in_flight = api.in_flight.find(id)) {
      OneShot<Placement> placed;
      InFlight::Waiter waiter = answer_on(api.loop, placed);
      if (api.in_flight.join(id, api.clock.now(), waiter)) {
        const Placement placement = co_await placed;
        if (placement == Placement::not_reserved) co_return not_reserved({});
        co_return accepted(in_flight->reserve,
                           placement == Placement::queued ? "queued" : "pending", true);
      }
    }
    if (const auto status = api.ledger.find_order(order.order)) {
      order.deadline = status->deadline;
      order.quantity = status->quantity;
      co_return accepted(order, status->state, true);
    }
    // The first is about to be sent, or was just given back: what comes of it is not known here.
    co_return accepted(order, "pending", true);
  }

  http::Answer limit_reached(SaleStock& sale, std::string_view user) const {
    auto refusal = problem(409, "limit-reached", "The limit for one user is reached");
    refusal.member("per_user_limit", sale.definition().per_user_limit);
    ledger::PackedOrderId newest;
    if (sale.newest_order(user, newest)) {
      refusal.member("order", "/v1/orders/" + ledger::order_id_text(newest));
    }
    return refusal.response();
  }

  // 409, not 425: that one is for TLS early data only (RFC 8470).
  http::Answer not_started(const SaleStock& sale, WallTime now) const {
    const std::int64_t starts_at = sale.definition().starts_at.value_or(0);
    // At least one: the definition may have been replaced since its phase was looked at.
    const std::int64_t wait_ms = std::max<std::int64_t>(starts_at - now.unix_millis, 1);
    return problem(409, "sale-not-started", "The sale has not started")
        .member("starts_at", rfc3339({starts_at}))
        .member("server_time", rfc3339(now))
        .member("retry_after_ms", wait_ms)
        .response()
        .add("Retry-After", std::to_string((wait_ms + 999) / 1000));
  }

  http::Answer overloaded() const {
    api_.metrics.overloaded.add();
    return unavailable(refusals_->overloaded);
  }

  http::Answer unavailable(const http::StaticResponse& refusal) const {
    api_.metrics.unavailable.add();
    return &refusal;
  }

  Api api_;
  std::shared_ptr<const Refusals> refusals_;
};

}  // namespace

void add_place_order(http::Router& router, const Api& api) {
  router.add("POST", "/v1/sales/{sale}/orders",
             PlaceOrder(api, std::make_shared<const Refusals>()));
}

}  // namespace sluice::frontend
