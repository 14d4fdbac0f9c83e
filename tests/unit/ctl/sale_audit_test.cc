// The audit over a log and rows that are written down by hand: what it finds, and what it lets be
// because it is under way.

#include "broker/ctl/sale_audit.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "shared/ledger/codec.h"

namespace sluice::ctl {

namespace {

using ledger::OrderState;

constexpr std::int64_t kGranted = 10;

std::string id_of(const std::string& user) {
  return ledger::order_id("phone", user, "slot:0");
}

ledger::Reserve reserve(const std::string& user, std::int64_t quantity = 1) {
  return {.order = id_of(user),
          .sale = "phone",
          .user = user,
          .quantity = quantity,
          .unit_price = 100,
          .currency = "CNY",
          .reserved_at = 1'000,
          .epoch = 1};
}

// The log of one partition and the table that a worker made of it.
struct Shop {
  std::vector<std::string> log;
  std::vector<orders::StoredOrder> rows;
  SaleAudit::Options options;

  Shop() {
    append(ledger::Epoch{.epoch = 1, .writer = "w"});
    append(ledger::Sale{.sale = "phone", .stock = kGranted, .currency = "CNY"});
  }

  std::int64_t append(const ledger::Event& event) {
    log.push_back(ledger::encode(event));
    return static_cast<std::int64_t>(log.size()) - 1;
  }

  orders::StoredOrder& place(const ledger::Reserve& reserve, OrderState state,
                             std::int64_t offset) {
    rows.push_back({.row = {.order_id = reserve.order,
                            .sale = reserve.sale,
                            .user_id = reserve.user,
                            .quantity = reserve.quantity,
                            .unit_price = reserve.unit_price,
                            .currency = reserve.currency,
                            .state = state,
                            .reserved_at = reserve.reserved_at,
                            .deadline = reserve.deadline,
                            .placed_at = 2'000,
                            .log_offset = offset},
                    .state = std::string(ledger::name_of(state))});
    return rows.back();
  }

  // On the log, with its row and its answer.
  orders::StoredOrder& sell(const std::string& user, std::int64_t quantity = 1) {
    const ledger::Reserve taken = reserve(user, quantity);
    const std::int64_t offset = append(taken);
    append(ledger::Placed{.order = taken.order, .sale = "phone"});
    return place(taken, OrderState::placed, offset);
  }

  // A worker that has read up to `position`, by default all.
  AuditReport audit(std::optional<std::int64_t> position = std::nullopt,
                    std::optional<std::int64_t> frontend = std::nullopt, bool still = true) const {
    SaleAudit judge(options);
    judge.read_to({{0, position.value_or(static_cast<std::int64_t>(log.size()))}});
    for (std::size_t i = 0; i < log.size(); ++i) {
      judge.record(0, static_cast<std::int64_t>(i), log[i]);
    }
    for (const auto& row : rows) judge.row(row);
    if (frontend) judge.frontend_says("phone", *frontend, still);
    return judge.report();
  }
};

// "I1 I3": those that are broken.
std::string broken(const AuditReport& report) {
  std::string ids;
  for (const AuditInvariant& invariant : report.invariants) {
    if (invariant.verdict != AuditVerdict::broken) continue;
    if (!ids.empty()) ids += ' ';
    ids += invariant.id;
  }
  return ids;
}

std::string first_of(const AuditReport& report, std::size_t invariant) {
  const auto& shown = report.invariants[invariant].shown;
  return shown.empty() ? "" : shown.front().order + " " + shown.front().what;
}

}  // namespace

TEST_CASE("a shop at rest in which all is well") {
  Shop shop;
  shop.sell("ann", 3);
  shop.sell("bob").row.state = OrderState::cancelled;
  shop.rows.back().state = "cancelled";
  shop.append(ledger::Cancelled{.order = id_of("bob"), .sale = "phone"});
  const AuditReport report = shop.audit(std::nullopt, 7);
  CHECK(broken(report).empty());
  CHECK_FALSE(report.motion.any());
  REQUIRE(report.sales.size() == 1);
  CHECK(report.sales[0].held == 3);
  CHECK(report.sales[0].rows == 2);
  CHECK(report.sales[0].units_in_rows == 3);
  CHECK(report.sales[0].released == 1);
  for (const AuditInvariant& invariant : report.invariants) {
    CHECK(invariant.verdict == AuditVerdict::holds);
    CHECK(invariant.checked > 0);
  }
}

TEST_CASE("orders under way are in motion") {
  Shop shop;
  shop.sell("ann");
  const auto position = static_cast<std::int64_t>(shop.log.size());

  SUBCASE("a reserve that the database has not read") {
    shop.append(reserve("bob", 2));
    const AuditReport report = shop.audit(position);
    CHECK(broken(report).empty());
    CHECK(report.motion.unread == 1);
  }
  SUBCASE("an order that ended behind the database's position") {
    shop.append(ledger::Cancelled{.order = id_of("ann"), .sale = "phone"});
    const AuditReport report = shop.audit(position);
    CHECK(broken(report).empty());
    CHECK(report.motion.changing == 1);
    CHECK(broken(shop.audit()) == "I3 I5");  // had the database read it, its row would be wrong
  }
  SUBCASE("a sale that was restocked behind it") {
    shop.append(ledger::Sale{.sale = "phone", .stock = 5, .grant_id = "more", .currency = "CNY"});
    CHECK(broken(shop.audit(position)).empty());
  }
  SUBCASE("a row whose outcome is not on the log yet") {
    const std::int64_t offset = shop.append(reserve("bob"));
    shop.place(reserve("bob"), OrderState::placed, offset);
    const AuditReport report = shop.audit();
    CHECK(broken(report).empty());
    CHECK(report.motion.unanswered == 1);
  }
  SUBCASE("a frontend beside a log that moves") {
    const AuditReport report = shop.audit(position, 4, false);
    CHECK(broken(report).empty());
    CHECK(report.motion.units == 5);
    CHECK(broken(shop.audit(position, 4, true)) == "I5");
  }
}

TEST_CASE("I1: a reserve of more than there was") {
  Shop shop;
  shop.sell("ann", kGranted);
  const std::int64_t offset = shop.append(reserve("bob"));
  shop.place(reserve("bob"), OrderState::rejected, offset);
  shop.append(ledger::Rejected{.order = id_of("bob"), .sale = "phone", .why = "no_stock"});
  const AuditReport report = shop.audit();
  CHECK(broken(report) == "I1");
  CHECK(first_of(report, 0) ==
        id_of("bob") + " the reserve at offset 4 takes 1 units of 0 that are available");
}

TEST_CASE("I2: what was promised is not on the log, or counts for nothing") {
  Shop shop;
  shop.sell("ann");
  ledger::Reserve late = reserve("late");
  late.epoch = 9;
  shop.append(late);
  SaleAudit judge(shop.options);
  for (std::size_t i = 0; i < shop.log.size(); ++i) {
    judge.record(0, static_cast<std::int64_t>(i), shop.log[i]);
  }
  judge.accepted(id_of("ann"));
  judge.accepted(id_of("nobody"));
  judge.accepted(id_of("late"));
  const AuditReport report = judge.report();
  CHECK(broken(report) == "I2");
  CHECK(report.invariants[1].offences == 2);
  CHECK(report.invariants[1].checked == 3);
  CHECK(first_of(report, 1) == id_of("nobody") + " was answered 202 and is not on the log");
  CHECK(report.invariants[2].verdict == AuditVerdict::unchecked);
  CHECK(report.invariants[4].verdict == AuditVerdict::unchecked);
}

TEST_CASE("I2: a log that ends before what the database has read") {
  Shop shop;
  shop.sell("ann");
  CHECK(broken(shop.audit(5)) == "I2");
}

TEST_CASE("I3: rows that are missing, further, made up, or say something else") {
  Shop shop;
  shop.sell("ann", 2);
  shop.sell("bob");
  orders::StoredOrder& row = shop.rows.front();

  SUBCASE("missing") {
    shop.rows.erase(shop.rows.begin());
    const AuditReport report = shop.audit();
    CHECK(broken(report) == "I3 I5");
    CHECK(first_of(report, 2) == id_of("ann") + " is at offset 2 of the log and has no row");
  }
  SUBCASE("twice") {
    shop.rows.push_back(orders::StoredOrder(row));
    const AuditReport report = shop.audit();
    CHECK(broken(report) == "I3 I5");
    CHECK(first_of(report, 2) == id_of("ann") + " has a further row");
  }
  SUBCASE("made up") {
    shop.place(reserve("eve"), OrderState::placed, 2);
    const AuditReport report = shop.audit();
    CHECK(broken(report) == "I3 I5");
    CHECK(first_of(report, 2) == id_of("eve") + " has a row, placed, and no reserve on the log");
  }
  SUBCASE("of a reserve that the database says it has not read") {
    const std::int64_t offset = shop.append(reserve("eve"));
    shop.place(reserve("eve"), OrderState::placed, offset);
    CHECK(broken(shop.audit(offset)) == "I3 I5");
  }
  SUBCASE("another quantity") {
    row.row.quantity = 1;
    CHECK(first_of(shop.audit(), 2) == id_of("ann") + " its row says quantity 1, the log 2");
    CHECK(broken(shop.audit()) == "I3 I5");
  }
  SUBCASE("another user, price, time, place") {
    SUBCASE("user") {
      row.row.user_id = "eve";
    }
    SUBCASE("sale") {
      row.row.sale = "other";
    }
    SUBCASE("price") {
      row.row.unit_price = 1;
    }
    SUBCASE("reserved") {
      row.row.reserved_at = 1;
    }
    SUBCASE("deadline") {
      row.row.deadline = 1;
    }
    SUBCASE("offset") {
      row.row.log_offset = 3;
    }
    SUBCASE("partition") {
      row.row.log_partition = 1;
    }
    SUBCASE("refund") {
      row.row.reason = "refund_due";
    }
    SUBCASE("state") {
      row.state = "lost";
    }
    CHECK(shop.audit().invariants[2].offences == 1);
  }
}

TEST_CASE("I4: a row that is free of an order that is paid, and the other way round") {
  Shop shop;
  orders::StoredOrder& row = shop.sell("ann");
  SUBCASE("paid on the log") {
    shop.append(ledger::Paid{.order = id_of("ann"), .sale = "phone"});
    row.state = "cancelled";
    row.row.state = OrderState::cancelled;
  }
  SUBCASE("released on the log") {
    shop.append(ledger::Cancelled{.order = id_of("ann"), .sale = "phone"});
    row.state = "paid";
    row.row.state = OrderState::paid;
  }
  CHECK(broken(shop.audit()) == "I3 I4 I5");
}

TEST_CASE("an unreadable reserve has a row that says rejected") {
  Shop shop;
  const std::string id = id_of("odd");
  shop.log.push_back(R"({"type":"reserve","order":")" + id + R"(","sale":"phone","quantity":0})");
  const auto offset = static_cast<std::int64_t>(shop.log.size()) - 1;
  SUBCASE("without its row") {
    CHECK(broken(shop.audit()) == "I3");
  }
  shop.place(reserve("odd"), OrderState::rejected, offset);
  SUBCASE("with it") {
    const AuditReport report = shop.audit();
    CHECK(broken(report).empty());
    CHECK(report.unreadable == 1);
  }
  SUBCASE("and a readable one behind it, which holds units until its answer is read") {
    shop.append(reserve("odd", 3));
    CHECK(broken(shop.audit()).empty());
    shop.append(ledger::Rejected{.order = id, .sale = "phone", .why = "malformed"});
    CHECK(broken(shop.audit()).empty());
  }
  SUBCASE("with one that says placed") {
    shop.rows.back().row.state = OrderState::placed;
    CHECK(broken(shop.audit()) == "I3 I5");
  }
}

TEST_CASE("only the sales that are asked for, and as many offences as are wanted") {
  Shop shop;
  shop.options.shown_offences = 1;
  shop.sell("ann");
  shop.sell("bob");
  shop.rows.clear();
  const AuditReport report = shop.audit();
  CHECK(report.invariants[2].offences == 2);
  CHECK(report.invariants[2].shown.size() == 1);
  shop.options.sales = {"book"};
  CHECK(broken(shop.audit()).empty());
  CHECK(shop.audit().sales.empty());
}

}  // namespace sluice::ctl
