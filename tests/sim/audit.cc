#include "tests/sim/audit.h"

#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "shared/ledger/codec.h"
#include "shared/ledger/fold.h"

namespace sluice::sim {
namespace {

using ledger::OrderState;

// One partition's log, event by event, with what must hold after each.
class Replay {
 public:
  explicit Replay(History& history) : history_(history) {}

  void apply(const std::string& value) {
    const auto event = ledger::decode(value);
    if (!event) return fold_.skip(offset_++);
    const ledger::Change change = fold_.apply(offset_++, *event);
    if (const auto* sale = std::get_if<ledger::Sale>(&*event)) {
      limits_[sale->sale] = sale->per_user_limit;
    }
    const ledger::Order* order = fold_.find_order(change.order);
    if (order == nullptr || change.stock_delta == 0) return;
    std::int64_t& held = held_[{std::string(change.sale), order->user}];
    held -= change.stock_delta;
    if (held > limits_[std::string(change.sale)]) {
      history_.fail(fmt::format("user {} holds {} units of {} at offset {}", order->user, held,
                                change.sale, offset_ - 1));
    }
  }

  const ledger::Fold& fold() const { return fold_; }

 private:
  History& history_;
  ledger::Fold fold_;
  std::int64_t offset_ = 0;
  std::map<std::string, std::int64_t> limits_;
  std::map<std::pair<std::string, std::string>, std::int64_t> held_;
};

void check_rows(const ledger::Fold& fold, const MemoryOrderStore& store, History& history,
                std::set<std::string>& ids) {
  fold.for_each_order([&](const auto& packed, const ledger::Order& order) {
    const std::string id = ledger::order_id_text(packed);
    ids.insert(id);
    const auto row = store.rows().find(id);
    if (row == store.rows().end()) {
      history.fail(fmt::format("I3: order {} is on the log and has no row", id));
    } else if (row->second.state != order.state) {
      history.fail(fmt::format("I3: order {} is {} on the log and {} in its row", id,
                               name_of(order.state), name_of(row->second.state)));
    }
  });
}

void check_told(const std::map<std::string, const ledger::Order*>& orders, History& history) {
  for (const auto& [id, told] : history.orders()) {
    const auto order = orders.find(id);
    if (told.queued && order == orders.end()) {
      return history.fail(fmt::format("I2: order {} was accepted and is not on the log", id));
    }
    const bool only_refused = told.refused && !told.queued && !told.pending;
    if (only_refused && order != orders.end() && order->second->holds_units()) {
      return history.fail(fmt::format("order {} was told not reserved and holds units", id));
    }
  }
}

void check_sums(const ledger::Fold& fold, const MemoryOrderStore& store, const Shop& shop,
                History& history) {
  for (const auto& [id, sale] : fold.sales()) {
    std::int64_t active = 0;
    for (const auto& [order, row] : store.rows()) {
      const bool holds = row.state == OrderState::placed || row.state == OrderState::paid;
      if (row.sale == id && holds) active += row.quantity;
    }
    if (active + sale->available() != sale->granted) {
      history.fail(fmt::format("I5: sale {}: {} in rows and {} available of {} granted", id, active,
                               sale->available(), sale->granted));
    }
    if (shop.available(id) != sale->available()) {
      history.fail(fmt::format("sale {}: the shop has {} units free, the log says {}", id,
                               shop.available(id), sale->available()));
    }
  }
}

}  // namespace

AuditCounts audit(const LedgerText& ledger, const std::vector<ledger::Sale>& sales,
                  const MemoryOrderStore& store, const Shop& shop, History& history) {
  AuditCounts counts;
  std::set<std::string> ids;
  std::map<std::string, const ledger::Order*> orders;
  std::vector<Replay> replays;
  replays.reserve(ledger.size());  // the fold's orders are pointed to
  for (const auto& values : ledger) {
    Replay& replay = replays.emplace_back(history);
    for (const auto& value : values) replay.apply(value);
    const ledger::Fold& fold = replay.fold();
    if (const auto valid = fold.verify(); !valid) history.fail(valid.error().context);
    check_rows(fold, store, history, ids);
    check_sums(fold, store, shop, history);
    fold.for_each_order([&](const auto& packed, const ledger::Order&) {
      const std::string id = ledger::order_id_text(packed);
      const ledger::Order* order = fold.find_order(id);
      orders.emplace(id, order);
      if (order->deadline > 0 && order->is_unpaid()) {
        history.fail(fmt::format("order {} was never paid and holds units for ever", id));
      }
      ++counts.orders;
      if (order->void_reason != ledger::VoidReason::none) ++counts.voided;
    });
  }
  for (const auto& [id, row] : store.rows()) {
    if (!ids.contains(id)) history.fail(fmt::format("I3: the row of order {} has no record", id));
  }
  check_told(orders, history);
  if (orders.empty() && !sales.empty()) history.fail("nothing was sold: the workload is broken");
  return counts;
}

}  // namespace sluice::sim
