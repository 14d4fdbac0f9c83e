#include "frontend/payment_deadlines.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "shared/base/random.h"

using namespace sluice;

namespace {

std::string id_of(int user) {
  return ledger::order_id("phone", "user-" + std::to_string(user), "slot:0");
}

// A fold that knows a sale, and the deadlines of the orders in it.
struct Ledger {
  Ledger() {
    apply(ledger::Epoch{.epoch = 1, .writer = "w"});
    apply(ledger::Sale{.sale = "phone", .stock = 1'000'000, .unit_price = 5, .currency = "CNY"});
  }
  void apply(const ledger::Event& event) { fold.apply(next++, event); }
  void reserve(int user, std::int64_t deadline) {
    apply(ledger::Reserve{.order = id_of(user),
                          .sale = "phone",
                          .user = "u",
                          .quantity = 1,
                          .unit_price = 5,
                          .currency = "CNY",
                          .reserved_at = 1,
                          .deadline = deadline,
                          .epoch = 1});
    deadlines.add(*ledger::pack_order_id(id_of(user)), deadline);
  }

  ledger::Fold fold;
  std::int64_t next = 0;
  frontend::PaymentDeadlines deadlines;
};

}  // namespace

TEST_CASE("the earliest deadline is of an order that can still come back") {
  Ledger ledger;
  CHECK(ledger.deadlines.earliest(ledger.fold) == std::nullopt);
  ledger.reserve(1, 1'000);
  ledger.reserve(2, 900);
  ledger.reserve(3, 1'100);
  CHECK(ledger.deadlines.earliest(ledger.fold) == 900);
  ledger.apply(ledger::Placed{.order = id_of(2), .sale = "phone"});
  CHECK(ledger.deadlines.earliest(ledger.fold) == 900);
  // One behind it changes nothing, and is not shown when its turn comes.
  ledger.apply(ledger::Paid{.order = id_of(1), .sale = "phone", .payment = "p"});
  CHECK(ledger.deadlines.earliest(ledger.fold) == 900);
  ledger.apply(ledger::Expired{.order = id_of(2), .sale = "phone"});
  CHECK(ledger.deadlines.earliest(ledger.fold) == 1'100);
  ledger.apply(ledger::Cancelled{.order = id_of(3), .sale = "phone"});
  CHECK(ledger.deadlines.earliest(ledger.fold) == std::nullopt);
  CHECK(ledger.deadlines.size() == 0);
}

// Beside a map of what is unpaid.
TEST_CASE("the earliest is that of all orders which are unpaid, whatever becomes of the others") {
  Ledger ledger;
  SeededRandom random(11);
  std::map<std::string, std::int64_t> unpaid;
  for (int step = 0; step < 100'000; ++step) {
    if (random.below(2) == 0) {
      const auto deadline = static_cast<std::int64_t>(1 + random.below(1'000'000));
      ledger.reserve(step, deadline);
      unpaid[id_of(step)] = deadline;
    } else if (!unpaid.empty()) {
      const std::string id = unpaid.begin()->first;
      if (random.below(2) == 0) {
        ledger.apply(ledger::Paid{.order = id, .sale = "phone", .payment = "p"});
      } else {
        ledger.apply(ledger::Expired{.order = id, .sale = "phone"});
      }
      unpaid.erase(id);
    }
    if (step % 500 != 0 || unpaid.empty()) continue;
    const auto first = std::ranges::min_element(unpaid, {}, [](const auto& u) { return u.second; });
    REQUIRE(ledger.deadlines.earliest(ledger.fold) == first->second);
  }
}
