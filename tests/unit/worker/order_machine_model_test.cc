// The machine that forgets its orders and recalls them from the table against one that keeps them
// all, over random histories: after each stretch both have asked for the same.

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "shared/base/random.h"
#include "shared/ledger/codec.h"
#include "worker/order_machine.h"

using namespace sluice;
using namespace sluice::worker;

namespace {

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr int kHistories = 1'000;
#else
constexpr int kHistories = 50'000;
#endif
constexpr std::uint64_t kRecords = 60;
constexpr std::uint64_t kStretch = 6;
constexpr std::uint64_t kOrders = 5;
constexpr WallTime kNow{1'000'000};

std::string id_of(std::uint64_t order) {
  return ledger::order_id("a", std::to_string(order), "k");
}

// Orders 0 to 3 are of sales that there are, the last is of one that may come later.
std::string sale_of(std::uint64_t order) {
  return order == kOrders - 1 ? "late" : order % 2 == 0 ? "a" : "b";
}

ledger::Event random_sale(Random& random, std::int64_t epoch) {
  // Without a currency: a recalled void order has it from its sale, one that was kept has not, when
  // the sale came later.
  ledger::Sale sale{.sale = sale_of(random.below(8) == 0 ? kOrders - 1 : random.below(2)),
                    .stock = static_cast<std::int64_t>(random.below(4)),
                    .grant_id = std::to_string(random.below(3))};
  if (random.below(3) == 0) {
    sale.paused = random.below(3) == 0;
    sale.epoch = epoch;
    sale.change = std::to_string(random.below(6));
  }
  return sale;
}

ledger::Event random_outcome(Random& random, const std::string& id, const std::string& sale) {
  switch (random.below(5)) {
    case 0:
      return ledger::Placed{.order = id, .sale = sale};
    case 1:
      return ledger::Rejected{.order = id, .sale = sale, .why = "no street"};
    case 2:
      return ledger::Paid{.order = id, .sale = sale, .payment = "p", .amount = 5};
    case 3:
      return ledger::Cancelled{.order = id, .sale = sale};
    default:
      return ledger::Expired{.order = id, .sale = sale};
  }
}

// A record's value: mostly an event, at times one that cannot be read.
std::string random_record(Random& random, std::int64_t& epoch) {
  const std::uint64_t order = random.below(kOrders);
  const std::string id = id_of(order);
  const std::string sale = sale_of(order);
  switch (random.below(12)) {
    case 0:
      epoch += static_cast<std::int64_t>(random.below(2));
      return ledger::encode(ledger::Event(ledger::Epoch{.epoch = epoch, .writer = "w"}));
    case 1:
      return ledger::encode(random_sale(random, epoch));
    case 2:
      return R"({"type":"reserve","order":")" + id + R"(","sale":")" + sale + R"(","user":"u"})";
    case 3:
      return "poison";
    case 4:
    case 5:
    case 6:
    case 7:
      return ledger::encode(
          ledger::Event(ledger::Reserve{.order = id,
                                        .sale = sale,
                                        .user = "u" + std::to_string(random.below(2)),
                                        .quantity = static_cast<std::int64_t>(1 + random.below(2)),
                                        .unit_price = 7,
                                        .currency = "CNY",
                                        .reserved_at = 1,
                                        .deadline = random.below(2) == 0 ? 0 : 1'000,
                                        .epoch = epoch - (random.below(6) == 0 ? 1 : 0)}));
    default:
      return ledger::encode(random_outcome(random, id, sale));
  }
}

// What a database makes of it.
struct Table {
  std::map<std::string, OrderRow> rows;
  StoredFold stored;

  void write(const PartitionWork& work) {
    for (const std::string& id : work.replaced) rows.erase(id);
    for (const OrderRow& row : work.orders) rows.emplace(row.order_id, row);
    for (const OrderChange& change : work.changes) {
      rows.at(change.order_id).state = change.state;
      rows.at(change.order_id).reason = change.reason;
    }
    stored.next_offset = work.next_offset;
    stored.fold = work.fold;
    if (work.all_sales) stored.sales.clear();
    for (const SaleRow& row : work.sales) {
      std::erase_if(stored.sales, [&row](const SaleRow& old) { return old.sale == row.sale; });
      stored.sales.push_back(row);
    }
  }
};

void check_same(const PartitionWork& a, const PartitionWork& b) {
  REQUIRE(a.next_offset == b.next_offset);
  REQUIRE(a.orders == b.orders);
  REQUIRE(a.changes == b.changes);
  REQUIRE(a.outbox == b.outbox);
  REQUIRE(a.replaced == b.replaced);
  REQUIRE(a.deliveries == b.deliveries);
}

void check_same(const ledger::Fold& a, const ledger::Fold& b) {
  REQUIRE(a.next_offset() == b.next_offset());
  REQUIRE(a.epoch() == b.epoch());
  REQUIRE(a.sales().size() == b.sales().size());
  for (const auto& [id, sale] : a.sales()) {
    const ledger::SaleState& other = *b.find_sale(id);
    REQUIRE(sale->definition == other.definition);
    REQUIRE(sale->granted == other.granted);
    REQUIRE(sale->held == other.held);
    REQUIRE(sale->orders == other.orders);
    REQUIRE(sale->revision == other.revision);
    REQUIRE(sale->grants == other.grants);
    REQUIRE(sale->changes == other.changes);
  }
}

std::int64_t unpaid_rows(const Table& table) {
  std::int64_t count = 0;
  for (const auto& [id, row] : table.rows) {
    count += row.state == ledger::OrderState::placed && row.deadline > 0 ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("a machine that recalls its orders asks for the same as one that keeps them") {
  SeededRandom random(20'261'126);
  for (int history = 0; history < kHistories; ++history) {
    CAPTURE(history);
    OrderMachine keeps("t", 2, Webhook::on);
    OrderMachine recalls("t", 2, Webhook::on);
    Table table;
    std::int64_t epoch = 1;
    std::int64_t offset = 0;
    for (auto left = random.below(kRecords); left > 0;) {
      std::vector<std::string> values;
      for (auto n = 1 + random.below(kStretch); n > 0 && left > 0; --n, --left) {
        values.push_back(random_record(random, epoch));
      }
      std::vector<LogRecord> records;
      for (const std::string& value : values) records.emplace_back(offset++, "k", value);
      for (const LogRecord& record : records) {
        const auto id = recalls.order_to_recall(record);
        const auto row = id ? table.rows.find(*id) : table.rows.end();
        if (row != table.rows.end()) REQUIRE(recalls.recall(row->second));
      }
      PartitionWork kept, recalled;
      for (const LogRecord& record : records) {
        keeps.apply(record, kNow, kept);
        recalls.apply(record, kNow, recalled);
      }
      recalls.finish(recalled);
      check_same(kept, recalled);
      check_same(keeps.fold(), recalls.fold());
      table.write(recalled);
      REQUIRE(recalls.unanswered() == keeps.unanswered());
      REQUIRE(recalls.unpaid() == unpaid_rows(table));
      REQUIRE(recalls.fold().order_count() == 0);
      if (random.below(4) != 0) continue;
      auto resumed = OrderMachine::resume("t", 2, Webhook::on, table.stored);
      REQUIRE(resumed);
      recalls = std::move(*resumed);
      REQUIRE(recalls.goes_on(records.back()));
    }
  }
}
