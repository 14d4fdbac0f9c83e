#include "shared/ledger/payment_deadlines.h"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "shared/base/random.h"

using namespace sluice;

namespace {

constexpr std::int64_t kAgain = ledger::PaymentDeadlines::kNamedAgainAfter.count();

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
  std::vector<std::string> overdue(std::int64_t now, std::size_t most = 100) {
    std::vector<std::string> ids;
    for (const auto& event : deadlines.take_overdue({now}, most, fold)) {
      CHECK(event.sale == "phone");
      ids.push_back(event.order);
    }
    return ids;
  }

  ledger::Fold fold;
  std::int64_t next = 0;
  ledger::PaymentDeadlines deadlines;
};

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("an order is overdue at its deadline, not before, placed or not") {
  Ledger ledger;
  ledger.reserve(1, 1'000);
  ledger.reserve(2, 900);
  ledger.apply(ledger::Placed{.order = id_of(1), .sale = "phone"});
  CHECK(ledger.overdue(899).empty());
  CHECK(ledger.overdue(900) == Ids{id_of(2)});
  CHECK(ledger.overdue(999).empty());
  CHECK(ledger.overdue(1'000) == Ids{id_of(1)});
}

TEST_CASE("orders that ended are not named") {
  Ledger ledger;
  for (int user = 1; user <= 4; ++user) ledger.reserve(user, 1'000);
  ledger.apply(ledger::Paid{.order = id_of(1), .sale = "phone", .payment = "p"});
  ledger.apply(ledger::Cancelled{.order = id_of(2), .sale = "phone"});
  ledger.apply(ledger::Rejected{.order = id_of(3), .sale = "phone", .why = "x"});
  ledger.apply(ledger::Expired{.order = id_of(4), .sale = "phone"});
  CHECK(ledger.overdue(5'000).empty());
  CHECK(ledger.deadlines.size() == 0);
}

TEST_CASE("an order that was named is named again, until it shows on the log") {
  Ledger ledger;
  ledger.reserve(1, 1'000);
  CHECK(ledger.overdue(1'500) == Ids{id_of(1)});
  CHECK(ledger.overdue(1'500 + kAgain - 1).empty());
  CHECK(ledger.overdue(1'500 + kAgain) == Ids{id_of(1)});
  ledger.apply(ledger::Expired{.order = id_of(1), .sale = "phone"});
  CHECK(ledger.overdue(1'500 + 2 * kAgain).empty());
  CHECK(ledger.deadlines.size() == 0);
}

TEST_CASE("the longest overdue come first, and no more than were asked for") {
  Ledger ledger;
  for (int user = 1; user <= 5; ++user) ledger.reserve(user, 1'000 - user);
  CHECK(ledger.overdue(2'000, 2) == Ids{id_of(5), id_of(4)});
  CHECK(ledger.overdue(2'000, 2) == Ids{id_of(3), id_of(2)});
  CHECK(ledger.overdue(2'000, 2) == Ids{id_of(1)});
}

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

// Beside a map of what is unpaid. What is named is called off, late or never.
TEST_CASE("every order ends once, by payment or at its deadline, whatever gets lost") {
  Ledger ledger;
  SeededRandom random(11);
  std::map<std::string, std::int64_t> unpaid;
  std::set<std::string> on_its_way;
  std::int64_t now = 1;
  for (int step = 0; step < 200'000; ++step) {
    now += static_cast<std::int64_t>(random.below(20));
    switch (random.below(4)) {
      case 0: {
        const auto deadline = now + static_cast<std::int64_t>(random.below(3'000));
        ledger.reserve(step, deadline);
        unpaid[id_of(step)] = deadline;
        break;
      }
      case 1:
        if (!unpaid.empty()) {
          const std::string id = unpaid.begin()->first;
          ledger.apply(ledger::Paid{.order = id, .sale = "phone", .payment = "p"});
          unpaid.erase(id);
        }
        break;
      case 2:
        for (const std::string& id : ledger.overdue(now, 1 + random.below(3))) {
          REQUIRE(unpaid.contains(id));
          REQUIRE(unpaid[id] <= now);
          if (random.below(3) > 0) on_its_way.insert(id);
        }
        break;
      default:
        for (const std::string& id : on_its_way) {
          ledger.apply(ledger::Expired{.order = id, .sale = "phone"});
          unpaid.erase(id);
        }
        on_its_way.clear();
    }
  }
  for (int round = 0; round < 2; ++round) {
    now += 3'000 + kAgain;
    for (const std::string& id : ledger.overdue(now, 1'000'000)) {
      ledger.apply(ledger::Expired{.order = id, .sale = "phone"});
      REQUIRE(unpaid.erase(id) == 1);
    }
  }
  CHECK(unpaid.empty());
  CHECK(ledger.deadlines.size() == 0);
  CHECK(ledger.fold.verify());
}
