#include "shared/ledger/sale_state.h"

#include <doctest/doctest.h>

#include <limits>
#include <optional>
#include <string>

#include "shared/ledger/fold.h"

namespace sluice::ledger {

namespace {

using Kind = Change::Kind;
using Stage = SaleStage;

std::string id_of(int order) {
  return order_id("phone", std::to_string(order), "slot:0");
}

// Open from 1000 to 2000, under epoch 1.
Sale phone() {
  return {.sale = "phone",
          .stock = 10,
          .currency = "CNY",
          .starts_at = 1000,
          .ends_at = 2000,
          .epoch = 1,
          .change = "created"};
}

Sale changed(const char* change, void (*edit)(Sale&)) {
  Sale sale = phone();
  sale.stock = 0;
  sale.change = change;
  edit(sale);
  return sale;
}

Reserve reserve(int order, std::int64_t at, std::int64_t epoch = 1) {
  return {.order = id_of(order),
          .sale = "phone",
          .user = "u",
          .reserved_at = at,
          .deadline = at + 100,
          .epoch = epoch};
}

struct Log {
  Fold fold;
  std::int64_t offset = 0;

  Log() {
    add(Epoch{.epoch = 1, .writer = "w"});
    add(phone());
  }
  Change add(const Event& event) { return fold.apply(offset++, event); }
  const SaleState& sale() const { return *fold.find_sale("phone"); }
};

}  // namespace

TEST_CASE("the stage of a definition, to the millisecond") {
  struct Row {
    const char* what;
    std::optional<std::int64_t> starts_at;
    std::optional<std::int64_t> ends_at;
    bool draft, paused, closed;
    std::int64_t now;
    Stage stage;
  };
  constexpr auto kNone = std::nullopt;
  const Row rows[] = {
      {"no times", kNone, kNone, false, false, false, 0, Stage::open},
      {"just before", 1000, 2000, false, false, false, 999, Stage::scheduled},
      {"on time", 1000, 2000, false, false, false, 1000, Stage::open},
      {"the last moment", 1000, 2000, false, false, false, 1999, Stage::open},
      {"over", 1000, 2000, false, false, false, 2000, Stage::closed},
      {"paused before its start", 1000, 2000, false, true, false, 999, Stage::scheduled},
      {"paused", 1000, 2000, false, true, false, 1000, Stage::paused},
      {"paused and over", 1000, 2000, false, true, false, 2000, Stage::closed},
      {"a draft has no times", 1000, 2000, true, false, false, 1500, Stage::draft},
      {"not even an end", 1000, 2000, true, true, false, 2500, Stage::draft},
      {"a closed draft", kNone, kNone, true, false, true, 0, Stage::closed},
      {"closed early", 1000, 2000, false, false, true, 500, Stage::closed},
      {"without an end", 1000, kNone, false, false, false, std::numeric_limits<std::int64_t>::max(),
       Stage::open},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Sale sale{.sale = "s",
                    .starts_at = row.starts_at,
                    .ends_at = row.ends_at,
                    .draft = row.draft,
                    .paused = row.paused,
                    .closed = row.closed};
    CHECK(name_of(stage_of(sale, row.now)) == name_of(row.stage));
  }
}

TEST_CASE("sold out is derived: a release and a grant open it again") {
  Log log;
  auto ten = reserve(1, 1500);
  ten.quantity = 10;
  CHECK(log.add(ten).kind == Kind::reserved);
  CHECK(stage_of(log.sale(), 1500) == Stage::sold_out);
  CHECK(stage_of(log.sale(), 2000) == Stage::closed);
  log.add(Expired{.order = id_of(1), .sale = "phone"});
  CHECK(stage_of(log.sale(), 1500) == Stage::open);
  ten.order = id_of(2);
  CHECK(log.add(ten).kind == Kind::reserved);
  CHECK(stage_of(log.sale(), 1500) == Stage::sold_out);
  auto grant = changed("g", [](Sale& sale) { sale.stock = 1; });
  grant.grant_id = "g";
  CHECK(log.add(grant).stock_delta == 1);
  CHECK(stage_of(log.sale(), 1500) == Stage::open);
  CHECK(log.add(grant).kind == Kind::sale_repeated);
  CHECK(log.sale().available() == 1);
  CHECK(log.sale().revision == 2);
  CHECK(log.fold.verify());
}

TEST_CASE("settled: closed, and every order has come to its end") {
  const auto close = changed("c", [](Sale& sale) { sale.closed = true; });
  SUBCASE("at once without orders") {
    Log log;
    log.add(close);
    CHECK(stage_of(log.sale(), 0) == Stage::settled);
  }
  SUBCASE("an order without a deadline is waited for until its row exists") {
    Log log;
    auto order = reserve(1, 1500);
    order.deadline = 0;
    log.add(order);
    log.add(close);
    CHECK(stage_of(log.sale(), 1500) == Stage::closed);
    log.add(Placed{.order = id_of(1), .sale = "phone"});
    CHECK(stage_of(log.sale(), 1500) == Stage::settled);
    log.add(Paid{.order = id_of(1), .sale = "phone"});
    CHECK(stage_of(log.sale(), 1500) == Stage::settled);
    CHECK(log.fold.verify());
  }
  SUBCASE("one with a deadline until it is paid or gone") {
    Log log;
    for (int n = 1; n <= 4; ++n) {
      log.add(reserve(n, 1500));
      log.add(Placed{.order = id_of(n), .sale = "phone"});
    }
    log.add(close);
    log.add(Paid{.order = id_of(1), .sale = "phone"});
    log.add(Cancelled{.order = id_of(2), .sale = "phone"});
    log.add(Rejected{.order = id_of(3), .sale = "phone", .why = "w"});
    CHECK(stage_of(log.sale(), 1500) == Stage::closed);
    CHECK(log.sale().waiting == 1);
    log.add(Expired{.order = id_of(4), .sale = "phone"});
    CHECK(stage_of(log.sale(), 1500) == Stage::settled);
    CHECK(log.fold.verify());
  }
  SUBCASE("not by time alone: a reserve of before may still come") {
    Log log;
    CHECK(stage_of(log.sale(), 5000) == Stage::closed);
    CHECK(log.add(reserve(1, 1999)).kind == Kind::reserved);
  }
}

TEST_CASE("which records may follow") {
  struct Row {
    const char* what;
    void (*before)(Sale&);
    void (*after)(Sale&);
    SaleRefusal refusal;
  };
  constexpr auto kNothing = [](Sale&) {};
  const Row rows[] = {
      {"the same", kNothing, kNothing, SaleRefusal::none},
      {"a pause", kNothing, [](Sale& s) { s.paused = true; }, SaleRefusal::none},
      {"its end", [](Sale& s) { s.paused = true; }, kNothing, SaleRefusal::none},
      {"publishing", [](Sale& s) { s.draft = true; }, kNothing, SaleRefusal::none},
      {"a draft in another currency", [](Sale& s) { s.draft = true; },
       [](Sale& s) { s.currency = "EUR"; }, SaleRefusal::none},
      {"closing", kNothing, [](Sale& s) { s.closed = true; }, SaleRefusal::none},
      {"a later end", kNothing, [](Sale& s) { s.ends_at = 3000; }, SaleRefusal::none},
      {"as many units as can be", kNothing, [](Sale& s) { s.stock = kMaxUnits - 10; },
       SaleRefusal::none},
      {"one unit more", kNothing, [](Sale& s) { s.stock = kMaxUnits - 9; },
       SaleRefusal::too_many_units},
      {"an end at the start", kNothing, [](Sale& s) { s.ends_at = 1000; },
       SaleRefusal::ends_too_early},
      {"back to a draft", kNothing, [](Sale& s) { s.draft = true; }, SaleRefusal::not_a_draft},
      {"another currency", kNothing, [](Sale& s) { s.currency = "EUR"; },
       SaleRefusal::currency_fixed},
      {"reopening", [](Sale& s) { s.closed = true; }, kNothing, SaleRefusal::closed},
      {"a grant for a closed sale", [](Sale& s) { s.closed = true; },
       [](Sale& s) {
         s.closed = true;
         s.stock = 1;
       },
       SaleRefusal::closed},
      {"of a stale frontend", kNothing, [](Sale& s) { s.epoch = 7; }, SaleRefusal::stale_epoch},
      {"of before, any", kNothing,
       [](Sale& s) {
         s.epoch = 0;
         s.currency = "EUR";
       },
       SaleRefusal::none},
      {"of before, of a closed sale", [](Sale& s) { s.closed = true; },
       [](Sale& s) { s.epoch = 0; }, SaleRefusal::closed},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Fold fold;
    fold.apply(0, Epoch{.epoch = 1, .writer = "w"});
    Sale first = phone();
    row.before(first);
    REQUIRE(fold.apply(1, first).kind == Kind::sale_defined);
    const SaleState before = *fold.find_sale("phone");
    const Sale next = changed("next", row.after);
    const Change change = fold.apply(2, next);
    const SaleState& after = *fold.find_sale("phone");
    CHECK(name_of(change.refusal) == name_of(row.refusal));
    if (row.refusal == SaleRefusal::none) {
      CHECK(change.kind == Kind::sale_changed);
      CHECK(after.definition == next);
      CHECK(after.revision == 2);
    } else {
      CHECK(change.kind == Kind::sale_refused);
      CHECK(after.definition == before.definition);
      CHECK(after.granted == before.granted);
      CHECK(after.revision == 1);
    }
  }
}

TEST_CASE("a refused record defines no sale") {
  Fold fold;
  fold.apply(0, Epoch{.epoch = 2, .writer = "w"});
  CHECK(fold.apply(1, phone()).refusal == SaleRefusal::stale_epoch);
  CHECK(fold.find_sale("phone") == nullptr);
}

TEST_CASE("a change counts once per id, whatever came between") {
  Log log;
  const auto pause = changed("p", [](Sale& sale) { sale.paused = true; });
  const auto resume = changed("r", [](Sale&) {});
  CHECK(log.add(pause).kind == Kind::sale_changed);
  CHECK(log.add(resume).kind == Kind::sale_changed);
  CHECK(log.add(pause).kind == Kind::sale_repeated);
  CHECK(!log.sale().definition.paused);
  CHECK(log.sale().revision == 3);
}

TEST_CASE("a reserve counts when its sale took orders at its time, behind the records before it") {
  struct Row {
    const char* what;
    void (*definition)(Sale&);
    std::int64_t reserved_at;
    VoidReason reason;
  };
  const Row rows[] = {
      {"in time", [](Sale&) {}, 1500, VoidReason::none},
      {"the first moment", [](Sale&) {}, 1000, VoidReason::none},
      {"too early", [](Sale&) {}, 999, VoidReason::not_started},
      {"the last moment", [](Sale&) {}, 1999, VoidReason::none},
      {"too late", [](Sale&) {}, 2000, VoidReason::ended},
      {"behind the pause", [](Sale& s) { s.paused = true; }, 1500, VoidReason::paused},
      {"behind the close", [](Sale& s) { s.closed = true; }, 1500, VoidReason::ended},
      {"of a draft", [](Sale& s) { s.draft = true; }, 1500, VoidReason::not_started},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Fold fold;
    fold.apply(0, Epoch{.epoch = 1, .writer = "w"});
    Sale sale = phone();
    row.definition(sale);
    fold.apply(1, sale);
    const Change change = fold.apply(2, reserve(1, row.reserved_at));
    CHECK(name_of(change.void_reason) == name_of(row.reason));
    CHECK(fold.available("phone") == (row.reason == VoidReason::none ? 9 : 10));
    CHECK(fold.verify());
    // Under a record of before there was a lifecycle all of them count, as they did.
    sale.epoch = 0;
    Fold old;
    old.apply(0, Epoch{.epoch = 1, .writer = "w"});
    old.apply(1, sale);
    CHECK(old.apply(2, reserve(1, row.reserved_at)).kind == Kind::reserved);
  }
}

TEST_CASE("a late reserve is void for every reader, and its order is answered") {
  Log log;
  log.add(reserve(1, 1500));
  log.add(changed("c", [](Sale& sale) { sale.closed = true; }));
  CHECK(log.add(reserve(2, 1500)).void_reason == VoidReason::ended);
  CHECK(log.sale().held == 1);
  CHECK(stage_of(log.sale(), 1500) == Stage::closed);
  CHECK(log.add(Rejected{.order = id_of(2), .sale = "phone", .why = "ended"}).stock_delta == 0);
  CHECK(log.sale().available() == 9);
  CHECK(log.fold.verify());
}

}  // namespace sluice::ledger
