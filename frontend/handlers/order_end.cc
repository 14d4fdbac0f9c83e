// DELETE /v1/orders/{id} and POST /v1/orders/{id}/payment. What is asked for is written to the log,
// whose order decides between a payment, a cancellation and the end of the payment window; the
// answer waits for it to be read back and tells what the fold made of it.

#include <boost/json.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "frontend/handlers/api.h"
#include "frontend/order_view.h"
#include "frontend/request_fields.h"
#include "frontend/whole_number.h"
#include "shared/http/problem.h"

namespace sluice::frontend {
namespace {

namespace json = boost::json;

// From the send to the fold; a log that answers takes milliseconds.
constexpr Millis kReadBackWithin{5'000};

// What a provider tells of a payment.
struct Payment {
  std::string id;
  std::int64_t amount = 0;
  std::string currency;
};

http::Response shown(const OrderStatus& order) {
  return http::Response::json(200, order_json(order) + "\n")
      .add("ETag", order_tag(order))
      .add("Cache-Control", "private, no-cache");
}

http::Response outcome_unknown(std::string_view id) {
  return problem(504, "outcome-unknown", "The log has not answered yet")
      .detail("It may come into force; look at the order, or ask again: it counts once")
      .member("order", fmt::format("/v1/orders/{}", id))
      .response()
      .add("Retry-After", "1");
}

http::Response already_paid(const OrderStatus& order) {
  return problem(409, "already-paid", "The order is paid")
      .member("order", "/v1/orders/" + order.order)
      .response();
}

// Sends the outcome and answers when the order shows that it, or another before it, was folded.
using Answering = std::optional<http::Response> (*)(const OrderStatus& order);
Task<http::Response> send_and_answer(Api api, ledger::Event outcome, ledger::PackedOrderId packed,
                                     Answering answer_of) {
  const std::string id = ledger::order_id_text(packed);
  const auto partition = ledger::partition_of(ledger::sale_of(outcome), api.log.partition_count());
  if (!api.log.reachable()) co_return log_unavailable("The order cannot be changed now");
  // Only reading it back tells that it is on the log and what it did there.
  if (!api.log.append(outcome, partition, [](const client::Delivery&) {})) {
    co_return log_unavailable("The order cannot be changed now");
  }
  const Instant deadline = api.clock.now() + kReadBackWithin;
  while (true) {
    OrderWatch watch(api.board, api.loop, api.clock, packed);
    if (const auto order = api.ledger.find_order(id)) {
      if (auto response = answer_of(*order)) co_return std::move(*response);
    }
    if (api.clock.now() >= deadline || api.board.stopped()) co_return outcome_unknown(id);
    co_await watch.changed_or(deadline);
  }
}

// What there is to say without a cancellation; nothing for an order that can be called off.
std::optional<http::Response> cancelled_or(const OrderStatus& order) {
  if (order.state == "cancelled") return shown(order);
  if (order.state == "paid") return already_paid(order);
  if (order.state != "expired" && order.state != "rejected") return std::nullopt;
  return problem(410, "order-ended", "The order has ended: there is nothing to cancel")
      .member("state", order.state)
      .response();
}

http::Answer cancel(const Api& api, const http::Request& request) {
  if (!api.ledger.ready()) return starting();
  auto user = api.identity.user_of(request, api.clock.wall());
  if (!user) return std::move(user.error());
  const ByteView id = request.param("id");
  const auto order = look_up(api.in_flight, api.ledger, id);
  // Whether others have an order is none of his business.
  if (!order || order->user != user->view()) return no_such_order();
  if (auto response = cancelled_or(*order)) return std::move(*response);
  if (order->state == "pending") {
    return problem(503, "order-pending", "The order is not on the log yet")
        .response()
        .add("Retry-After", "1");
  }
  return send_and_answer(api, ledger::Cancelled{.order = std::string(id), .sale = order->sale},
                         *ledger::pack_order_id(id), cancelled_or);
}

Result<Payment> read_payment(ByteView body) {
  boost::system::error_code error;
  const json::value value = json::parse(body, error);
  const json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr) return fail(Code::invalid, "body: must be a JSON object");
  Payment payment;
  const json::value* id = object->if_contains("payment_id");
  if (id == nullptr || !id->is_string() || !is_text(id->get_string(), ledger::kMaxPaymentBytes)) {
    return fail(Code::invalid,
                fmt::format("payment_id: must be 1 to {} bytes of text", ledger::kMaxPaymentBytes));
  }
  payment.id = std::string(id->get_string());
  const json::value* amount = object->if_contains("amount");
  const auto units = amount == nullptr ? std::nullopt : whole_number(*amount);
  if (!units || *units < 0) {
    return fail(Code::invalid, "amount: must be an integer of the currency's minor unit");
  }
  payment.amount = *units;
  const json::value* currency = object->if_contains("currency");
  if (currency == nullptr || !currency->is_string()) {
    return fail(Code::invalid, "currency: must be a string");
  }
  payment.currency = std::string(currency->get_string());
  return payment;
}

// Paid, or paid too late: then the money goes back.
std::optional<http::Response> paid_or(const OrderStatus& order) {
  if (order.state != "paid" && !order.refund_due) return std::nullopt;
  return shown(order);
}

http::Answer pay(const Api& api, const http::Request& request) {
  if (auto refusal = api.payments.refuse(request, api.clock.wall())) return std::move(*refusal);
  if (!api.ledger.ready()) return starting();
  if (!says_json(request)) return not_json();
  const auto payment = read_payment(request.body);
  if (!payment) return bad_request(payment.error().context);
  const ByteView id = request.param("id");
  const auto order = look_up(api.in_flight, api.ledger, id);
  if (!order) return no_such_order();
  // Below kMaxPrice times kMaxUnits there may be no 64-bit product.
  const auto due = static_cast<__int128>(order->unit_price) * order->quantity;
  if (payment->currency != order->currency || due != payment->amount) {
    return problem(422, "wrong-amount", "That is not what the order costs")
        .member("unit_price", order->unit_price)
        .member("quantity", order->quantity)
        .member("currency", order->currency)
        .response();
  }
  if (auto response = paid_or(*order)) {
    if (order->payment != payment->id) return already_paid(*order);  // another one: it goes back
    return std::move(response->add("Idempotency-Replayed", "true"));
  }
  return send_and_answer(api,
                         ledger::Paid{.order = std::string(id),
                                      .sale = order->sale,
                                      .payment = payment->id,
                                      .amount = payment->amount},
                         *ledger::pack_order_id(id), paid_or);
}

}  // namespace

void add_order_end(http::Router& router, const Api& api) {
  router.add("DELETE", "/v1/orders/{id}",
             [api](const http::Request& request) { return cancel(api, request); });
  router.add("POST", "/v1/orders/{id}/payment",
             [api](const http::Request& request) { return pay(api, request); });
}

}  // namespace sluice::frontend
