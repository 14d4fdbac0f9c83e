#include "shared/ledger/fold.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::ledger {

namespace {

using Kind = Change::Kind;

std::string id_of(int order) {
  return order_id("phone", std::to_string(order), "slot:0");
}

// A partition that is written event by event.
struct Log {
  Fold fold;
  std::int64_t offset = 0;

  Change add(const Event& event) { return fold.apply(offset++, event); }

  Change epoch(std::int64_t n, std::string writer = "w") {
    return add(Epoch{.epoch = n, .writer = std::move(writer)});
  }
  Change sale(std::int64_t stock, std::string grant = "initial") {
    return add(Sale{.sale = "phone", .stock = stock, .grant_id = std::move(grant)});
  }
  Change reserve(int order, std::int64_t quantity = 1, std::int64_t epoch = 1) {
    return add(Reserve{.order = id_of(order),
                       .sale = "phone",
                       .user = "u" + std::to_string(order),
                       .quantity = quantity,
                       .epoch = epoch});
  }
  template <class Outcome>
  Change outcome(int order, std::string sale = "phone") {
    return add(Outcome{.order = id_of(order), .sale = std::move(sale)});
  }
  OrderState state(int order) const { return fold.find_order(id_of(order))->state; }
  std::int64_t available() const { return fold.available("phone"); }
};

Log opened(std::int64_t stock) {
  Log log;
  log.epoch(1);
  log.sale(stock);
  return log;
}

}  // namespace

TEST_CASE("an order from reserve to paid") {
  Log log = opened(10);
  const Change taken = log.reserve(1, 3);
  CHECK(taken.kind == Kind::reserved);
  CHECK(taken.stock_delta == -3);
  CHECK(log.available() == 7);
  CHECK(log.outcome<Placed>(1).kind == Kind::placed);
  CHECK(log.outcome<Paid>(1).kind == Kind::paid);
  CHECK(log.available() == 7);
  const Order* order = log.fold.find_order(id_of(1));
  REQUIRE(order != nullptr);
  CHECK(order->user == "u1");
  CHECK(order->quantity == 3);
  CHECK(order->offset == 2);
  CHECK(order->sale == log.fold.find_sale("phone"));
  CHECK(log.fold.verify());
}

TEST_CASE("a release counts once and reopens the sale") {
  Log log = opened(1);
  log.reserve(1);
  CHECK(log.available() == 0);
  CHECK(log.outcome<Expired>(1).stock_delta == 1);
  CHECK(log.available() == 1);
  CHECK(log.outcome<Expired>(1).kind == Kind::ignored);
  CHECK(log.outcome<Cancelled>(1).kind == Kind::ignored);
  CHECK(log.outcome<Rejected>(1).kind == Kind::ignored);
  CHECK(log.available() == 1);
  CHECK(log.reserve(2).kind == Kind::reserved);
  CHECK(log.fold.verify());
}

TEST_CASE("a paid order is never released") {
  Log log = opened(1);
  log.reserve(1);
  log.outcome<Placed>(1);
  log.outcome<Paid>(1);
  CHECK(log.outcome<Expired>(1).kind == Kind::ignored);
  CHECK(log.outcome<Cancelled>(1).kind == Kind::ignored);
  CHECK(log.state(1) == OrderState::paid);
  CHECK(log.available() == 0);
}

TEST_CASE("money that comes too late is owed back, once") {
  Log log = opened(1);
  log.reserve(1);
  log.outcome<Expired>(1);
  const Change late = log.outcome<Paid>(1);
  CHECK(late.kind == Kind::refund_due);
  CHECK(late.stock_delta == 0);
  CHECK(log.state(1) == OrderState::expired);
  CHECK(log.fold.find_order(id_of(1))->refund_due);
  CHECK(log.outcome<Paid>(1).kind == Kind::ignored);
  CHECK(log.available() == 1);
  CHECK(log.fold.verify());
}

TEST_CASE("the record that changed an order last, and the payment that counted") {
  Log log = opened(5);
  log.reserve(1);
  const auto changed = [&] { return log.fold.find_order(id_of(1))->changed; };
  CHECK(changed() == 2);
  log.reserve(1);  // a repeat
  CHECK(changed() == 2);
  log.outcome<Placed>(1);
  CHECK(changed() == 4);
  log.outcome<Placed>(1);
  CHECK(changed() == 4);
  log.add(Paid{.order = id_of(1), .sale = "phone", .payment = "p1", .amount = 5});
  log.add(Paid{.order = id_of(1), .sale = "phone", .payment = "p2", .amount = 5});
  log.outcome<Cancelled>(1);
  CHECK(changed() == 6);
  CHECK(log.fold.payment_of(id_of(1)) == "p1");
  log.reserve(2);
  log.outcome<Cancelled>(2);
  CHECK(log.fold.payment_of(id_of(2)).empty());
  log.add(Paid{.order = id_of(2), .sale = "phone", .payment = "p3"});
  CHECK(log.fold.find_order(id_of(2))->changed == 11);
  CHECK(log.fold.payment_of(id_of(2)) == "p3");
}

TEST_CASE("epochs: the larger owns, an equal one is told by its writer") {
  Log log;
  CHECK(log.epoch(5, "a").kind == Kind::epoch_accepted);
  CHECK(log.epoch(5, "b").kind == Kind::epoch_refused);
  CHECK(log.epoch(4, "b").kind == Kind::epoch_refused);
  CHECK(log.fold.epoch().writer == "a");
  CHECK(log.epoch(6, "b").kind == Kind::epoch_accepted);
  CHECK(log.fold.epoch() == Epoch{.epoch = 6, .writer = "b"});
}

TEST_CASE("a stale frontend's reserve is void and stays void") {
  Log log = opened(10);
  log.epoch(2);
  const Change change = log.reserve(1, 1, 1);
  CHECK(change.kind == Kind::voided);
  CHECK(change.void_reason == VoidReason::stale_epoch);
  CHECK(log.available() == 10);
  CHECK(log.reserve(1, 1, 2).kind == Kind::repeated);
  CHECK(log.outcome<Placed>(1).kind == Kind::ignored);
  const Change answer = log.outcome<Rejected>(1);
  CHECK(answer.kind == Kind::rejected);
  CHECK(answer.stock_delta == 0);
  CHECK(log.available() == 10);
  CHECK(log.fold.verify());
}

TEST_CASE("an epoch from the future is void too, and so is one before any epoch record") {
  Log log = opened(10);
  CHECK(log.reserve(1, 1, 9).void_reason == VoidReason::stale_epoch);
  Log bare;
  bare.sale(5);
  CHECK(bare.reserve(1, 1, 0).void_reason == VoidReason::stale_epoch);
}

TEST_CASE("void for want of a sale, of stock or of sense") {
  Log log;
  log.epoch(1);
  CHECK(log.reserve(1).void_reason == VoidReason::unknown_sale);
  CHECK(log.fold.verify());
  log.sale(2);
  CHECK(log.reserve(2, 0).void_reason == VoidReason::malformed);
  CHECK(log.reserve(3, kMaxUnits + 1).void_reason == VoidReason::malformed);
  CHECK(log.add(Reserve{.order = "o1", .sale = "phone", .user = "u", .epoch = 1}).void_reason ==
        VoidReason::malformed);
  CHECK(log.reserve(4, 3).void_reason == VoidReason::no_stock);
  CHECK(log.available() == 2);
  const auto verdict = log.fold.verify();
  REQUIRE(!verdict);
  CHECK(verdict.error().context == "I1: 1 reserves asked for more than was available");
}

TEST_CASE("a grant counts once per id") {
  Log log;
  CHECK(log.sale(10).kind == Kind::sale_defined);
  const Change again = log.sale(10);
  CHECK(again.kind == Kind::sale_changed);
  CHECK(again.stock_delta == 0);
  CHECK(log.sale(5, "restock-1").stock_delta == 5);
  CHECK(log.available() == 15);
  CHECK(log.available() == log.fold.find_sale("phone")->granted);
}

TEST_CASE("a sale record replaces the definition") {
  Log log = opened(10);
  log.reserve(1);
  log.add(Sale{.sale = "phone", .title = "new", .stock = 0, .unit_price = 5, .paused = true});
  const SaleState* sale = log.fold.find_sale("phone");
  CHECK(sale->definition.title == "new");
  CHECK(sale->definition.paused);
  CHECK(sale->available() == 9);
  CHECK(sale->orders == 1);
  CHECK(log.fold.sales().size() == 1);
}

TEST_CASE("outcomes of nobody and of another sale change nothing") {
  Log log = opened(10);
  log.add(Sale{.sale = "other", .stock = 10});
  log.reserve(1);
  CHECK(log.outcome<Expired>(2).kind == Kind::ignored);
  CHECK(log.outcome<Expired>(1, "other").kind == Kind::ignored);
  CHECK(log.add(Placed{.order = "nonsense", .sale = "phone"}).kind == Kind::ignored);
  CHECK(log.available() == 9);
  CHECK(log.fold.available("other") == 10);
  CHECK(log.fold.find_order("nonsense") == nullptr);
  CHECK(log.fold.available("never heard of") == 0);
}

TEST_CASE("seen offsets change nothing, gaps are stepped over") {
  Log log = opened(10);
  log.reserve(1);
  CHECK(log.fold.next_offset() == 3);
  CHECK(log.fold.apply(2, Expired{.order = id_of(1), .sale = "phone"}).kind == Kind::replayed);
  CHECK(log.available() == 9);
  log.fold.skip(1);
  CHECK(log.fold.next_offset() == 3);
  log.fold.skip(7);
  CHECK(log.fold.next_offset() == 8);
  CHECK(log.fold.apply(9, Expired{.order = id_of(1), .sale = "phone"}).kind == Kind::expired);
  CHECK(log.fold.next_offset() == 10);
}

TEST_CASE("why an order was rejected is kept") {
  Log log = opened(10);
  log.reserve(1);
  log.add(Rejected{.order = id_of(1), .sale = "phone", .why = "user is blocked"});
  CHECK(log.fold.why_rejected(id_of(1)) == "user is blocked");
  CHECK(log.fold.why_rejected(id_of(2)).empty());
  CHECK(log.available() == 10);
}

TEST_CASE("a moved fold still finds its sales") {
  Log log = opened(10);
  log.reserve(1);
  Fold moved = std::move(log.fold);
  CHECK(moved.apply(3, Expired{.order = id_of(1), .sale = "phone"}).stock_delta == 1);
  CHECK(moved.find_order(id_of(1))->sale == moved.find_sale("phone"));
  int seen = 0;
  moved.for_each_order([&](const PackedOrderId& packed, const Order& order) {
    const std::string id = order_id_text(packed);
    ++seen;
    CHECK(id == id_of(1));
    CHECK(order.state == OrderState::expired);
  });
  CHECK(seen == 1);
}

TEST_CASE("orders that are kept elsewhere: the sums stay, and an order is recalled") {
  Log log = opened(10);
  log.reserve(1, 3);
  log.reserve(2, 2);
  log.outcome<Paid>(2);
  Order order = *log.fold.find_order(id_of(1));
  log.fold.forget_orders();
  CHECK(log.fold.order_count() == 0);
  CHECK(log.available() == 5);
  CHECK(log.fold.find_sale("phone")->waiting == 0);  // placed, and without a deadline
  CHECK(log.outcome<Cancelled>(1).kind == Kind::ignored);

  order.state = OrderState::placed;
  REQUIRE(log.fold.recall(*pack_order_id(id_of(1)), order, "phone", ""));
  order.quantity = 7;
  REQUIRE(log.fold.recall(*pack_order_id(id_of(1)), order, "phone", ""));  // it is known
  CHECK(log.reserve(1, 3).kind == Kind::repeated);
  CHECK(log.outcome<Cancelled>(1).stock_delta == 3);
  CHECK(log.available() == 8);
}

TEST_CASE("an order that holds units of no known sale is not recalled") {
  Log log = opened(10);
  Order order{.quantity = 1, .state = OrderState::placed};
  const auto recalled = log.fold.recall(*pack_order_id(id_of(1)), order, "pad", "");
  REQUIRE_FALSE(recalled);
  CHECK(recalled.error().code == Code::corrupt);
  CHECK(recalled.error().context.find("pad") != std::string::npos);
  order.state = OrderState::rejected;
  CHECK(log.fold.recall(*pack_order_id(id_of(1)), order, "pad", "unknown_sale"));
  CHECK(log.fold.why_rejected(id_of(1)) == "unknown_sale");
}

TEST_CASE("a fold goes on from the sums of another one") {
  Log log = opened(10);
  log.reserve(1, 3);
  std::vector<SaleState> sales;
  for (const auto& [id, sale] : log.fold.sales()) sales.push_back(*sale);
  Fold fold(log.fold.next_offset(), log.fold.epoch(), sales);
  CHECK(fold.next_offset() == 3);
  CHECK(fold.epoch() == Epoch{.epoch = 1, .writer = "w"});
  CHECK(fold.available("phone") == 7);
  const Reserve reserve{.order = id_of(2), .sale = "phone", .user = "u", .quantity = 8, .epoch = 1};
  CHECK(fold.apply(2, reserve).kind == Kind::replayed);
  CHECK(fold.apply(3, reserve).void_reason == VoidReason::no_stock);
}

}  // namespace sluice::ledger
