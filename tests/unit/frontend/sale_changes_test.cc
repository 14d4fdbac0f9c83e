#include "frontend/sale_changes.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace sluice::frontend {

namespace {

using Claim = SaleChanges::Claim;
using Verdict = SaleChanges::Verdict;
using client::Outcome;

constexpr Millis kPatience{100};

ledger::Sale mug(std::string change, std::int64_t epoch = 1) {
  return {.sale = "mug", .stock = 5, .paused = true, .epoch = epoch, .change = std::move(change)};
}

struct Desk {
  StockBook stock;
  SaleChanges changes{kPatience, stock};
  Instant now;
  std::vector<std::string> told;  // "who: verdict"

  Desk() { stock.add({.sale = "mug", .stock = 5}, 5); }

  SaleChanges::Waiter waiter(std::string who) {
    return [this, who](SaleChanges::Outcome outcome) {
      constexpr const char* kNames[] = {"applied", "refused", "not_sent", "unknown"};
      told.push_back(who + ": " + kNames[static_cast<int>(outcome.verdict)]);
    };
  }
  Claim claim(std::string who, std::string change, std::string request = "r",
              std::string sale = "mug") {
    auto one = waiter(std::move(who));
    return changes.claim(sale, change, request, now, one);
  }
  // A change of ann's that was sent under epoch 1.
  void send() {
    REQUIRE(claim("ann", "a") == Claim::taken);
    changes.sending(mug("a"), 3);
  }
  // The stage that a reserve would be sent under.
  ledger::SaleStage stage() { return stock.find("mug")->stage_to_send({0}); }
};

}  // namespace

TEST_CASE("one change of a sale at a time") {
  Desk desk;
  CHECK(desk.claim("ann", "a") == Claim::taken);
  CHECK(desk.claim("bob", "b") == Claim::busy);
  CHECK(desk.claim("ann", "a", "another request") == Claim::reused);
  CHECK(desk.claim("ann again", "a") == Claim::joined);
  CHECK(desk.claim("bob", "b", "r", "cup") == Claim::taken);
  desk.changes.sending(mug("a"), 3);
  desk.changes.seen(mug("a"), {.verdict = Verdict::applied});
  CHECK(desk.told == std::vector<std::string>{"ann: applied", "ann again: applied"});
  CHECK(desk.claim("bob", "b") == Claim::taken);
}

TEST_CASE("an abandoned claim tells nobody and leaves the sale free") {
  Desk desk;
  CHECK(desk.claim("ann", "a") == Claim::taken);
  desk.changes.abandon("mug");
  CHECK(desk.claim("bob", "b") == Claim::taken);
  CHECK(desk.told.empty());
}

TEST_CASE("what is sent holds reserves until it is known to count or not") {
  Desk desk;
  CHECK(desk.stage() == ledger::SaleStage::open);
  desk.send();
  CHECK(desk.stage() == ledger::SaleStage::paused);
  CHECK(desk.stock.find("mug")->stage({0}) == ledger::SaleStage::open);
  SUBCASE("read and taken") {
    desk.changes.seen(mug("a"), {.verdict = Verdict::applied});
    CHECK(desk.told.back() == "ann: applied");
  }
  SUBCASE("read and refused") {
    desk.changes.seen(mug("a"), {.verdict = Verdict::refused});
    CHECK(desk.told.back() == "ann: refused");
  }
  SUBCASE("certainly not sent") {
    desk.changes.delivered("mug", "a", Outcome::not_persisted);
    CHECK(desk.told.back() == "ann: not_sent");
  }
  SUBCASE("in doubt, then void by a newer epoch") {
    desk.changes.delivered("mug", "a", Outcome::possibly_persisted);
    CHECK(desk.stage() == ledger::SaleStage::paused);
    CHECK(desk.told.empty());
    desk.changes.settle(3, 2);
    CHECK(desk.told.back() == "ann: not_sent");
  }
  CHECK(desk.stage() == ledger::SaleStage::open);
}

TEST_CASE("a report alone tells nothing: only reading shows what the record did") {
  Desk desk;
  desk.send();
  desk.changes.delivered("mug", "a", Outcome::persisted);
  CHECK(desk.told.empty());
  CHECK(desk.changes.doubtful_partitions().empty());
}

TEST_CASE("doubt asks for an epoch of its partition, and only a newer one settles it") {
  Desk desk;
  desk.send();
  desk.changes.delivered("mug", "a", Outcome::possibly_persisted);
  CHECK(desk.changes.doubtful_partitions() == std::vector<std::int32_t>{3});
  desk.changes.settle(3, 1);
  desk.changes.settle(2, 9);
  CHECK(desk.told.empty());
  desk.changes.seen(mug("a"), {.verdict = Verdict::applied});  // it did arrive
  CHECK(desk.told.back() == "ann: applied");
  CHECK(desk.changes.doubtful_partitions().empty());
}

TEST_CASE("reports and records of other changes are not this one's") {
  Desk desk;
  desk.send();
  desk.changes.delivered("mug", "b", Outcome::not_persisted);
  desk.changes.delivered("cup", "a", Outcome::not_persisted);
  desk.changes.seen(mug("b"), {.verdict = Verdict::applied});
  desk.changes.seen({.sale = "cup", .change = "a"}, {.verdict = Verdict::applied});
  CHECK(desk.told.empty());
  REQUIRE(desk.claim("bob", "b", "r", "cup") == Claim::taken);
  desk.changes.seen({.sale = "cup", .change = "b"}, {.verdict = Verdict::applied});
  CHECK(desk.told.empty());  // claimed, not sent: a record of that id is another program's
  desk.changes.abandon("cup");
}

TEST_CASE("who waits too long is told so, and the change goes on") {
  Desk desk;
  desk.send();
  desk.changes.expire(desk.now + (kPatience - Millis(1)));
  CHECK(desk.told.empty());
  desk.changes.expire(desk.now + kPatience);
  CHECK(desk.told == std::vector<std::string>{"ann: unknown"});
  CHECK(desk.claim("bob", "b") == Claim::busy);
  CHECK(desk.stage() == ledger::SaleStage::paused);
  desk.now = desk.now + Millis(1'000);
  CHECK(desk.claim("ann again", "a") == Claim::joined);
  desk.changes.expire(desk.now);
  CHECK(desk.told.size() == 1);
  desk.changes.seen(mug("a"), {.verdict = Verdict::applied});
  CHECK(desk.told.back() == "ann again: applied");
}

TEST_CASE("a stop answers all who wait") {
  Desk desk;
  desk.send();
  desk.changes.stop_waiting();
  CHECK(desk.told == std::vector<std::string>{"ann: unknown"});
  CHECK(desk.claim("ann again", "a") == Claim::joined);
  desk.changes.expire(desk.now);
  CHECK(desk.told.back() == "ann again: unknown");
}

}  // namespace sluice::frontend
