#include "broker/ctl/sale_audit.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "shared/ledger/codec.h"
#include "shared/ledger/topic.h"

namespace sluice::ctl {

namespace {

using ledger::OrderState;
using Kind = ledger::Change::Kind;

enum Index : std::size_t { kI1, kI2, kI3, kI4, kI5 };

struct Text {
  std::string_view id;
  std::string_view text;
  std::string_view unit;  // of what is checked
};
constexpr std::array<Text, 5> kTexts = {{
    {"I1", "available is never below 0", "events"},
    {"I2", "what was promised is on the log", "promises"},
    {"I3", "every reserve has exactly one row, which says what the log says", "rows"},
    {"I4", "units come free at most once, and never of a paid order", "releases"},
    {"I5", "units in rows + available = granted; the frontend says the same", "sales"},
}};

// The state of the row that the worker makes of an order in this state.
OrderState row_state(OrderState state) {
  switch (state) {
    case OrderState::reserved:
    case OrderState::placed:
      return OrderState::placed;
    case OrderState::voided:
    case OrderState::rejected:
      return OrderState::rejected;
    case OrderState::paid:
    case OrderState::cancelled:
    case OrderState::expired:
      break;
  }
  return state;
}

bool frees(Kind kind) {
  return kind == Kind::rejected || kind == Kind::cancelled || kind == Kind::expired;
}

// Of an order that has its row: the worker writes what it is now.
bool changes_row(const ledger::Change& change) {
  return change.kind == Kind::paid || change.kind == Kind::refund_due ||
         (frees(change.kind) && change.stock_delta > 0);
}

bool holds_units(const orders::OrderRow& row) {
  return row.state == OrderState::placed || row.state == OrderState::paid;
}

// The first field in which a row is not what the log says, as a sentence; empty when there is none.
std::string difference(const orders::StoredOrder& stored, const ledger::Order& order,
                       std::int32_t partition) {
  const orders::OrderRow& row = stored.row;
  const auto differs = [](std::string_view field, const auto& in_row, const auto& on_log) {
    return fmt::format("its row says {} {}, the log {}", field, in_row, on_log);
  };
  const OrderState state = row_state(order.state);
  if (stored.state != name_of(state)) return differs("state", stored.state, name_of(state));
  if (order.sale != nullptr && row.sale != order.sale->definition.sale) {
    return differs("sale", row.sale, order.sale->definition.sale);
  }
  if (row.user_id != order.user) return differs("user", row.user_id, order.user);
  if (order.void_reason != ledger::VoidReason::malformed && row.quantity != order.quantity) {
    return differs("quantity", row.quantity, order.quantity);
  }
  if (row.unit_price != order.unit_price) {
    return differs("unit_price", row.unit_price, order.unit_price);
  }
  if (row.reserved_at != order.reserved_at) {
    return differs("reserved_at", row.reserved_at, order.reserved_at);
  }
  if (row.deadline != order.deadline) return differs("deadline", row.deadline, order.deadline);
  if (stored.row.log_partition != partition) {
    return differs("log_partition", stored.row.log_partition, partition);
  }
  if (row.log_offset != order.offset) return differs("log_offset", row.log_offset, order.offset);
  if (row.reason.starts_with(orders::kRefundDue) != order.refund_due) {
    return order.refund_due ? "its row does not say that its money goes back, the log does"
                            : "its row says that its money goes back, the log does not";
  }
  return {};
}

}  // namespace

bool SaleAudit::looked_at(std::string_view sale) const {
  return options_.sales.empty() || options_.sales.contains(std::string(sale));
}

bool SaleAudit::at_home(std::int32_t partition, std::string_view sale) const {
  return sale.empty() || ledger::partition_of(sale, options_.partitions) == partition;
}

SaleAudit::Partition& SaleAudit::partition_at(std::int32_t index) {
  const auto [place, first] = partitions_.try_emplace(index);
  if (first && !has_database_) {
    place->second.position = std::numeric_limits<std::int64_t>::max();
  }
  return place->second;
}

bool SaleAudit::in_scope(std::int32_t partition) const {
  return options_.sales.empty() ||
         std::ranges::any_of(options_.sales,
                             [&](const std::string& sale) { return at_home(partition, sale); });
}

void SaleAudit::read_to(const std::map<std::int32_t, std::int64_t>& positions) {
  has_database_ = true;
  for (const auto& [index, position] : positions) {
    if (in_scope(index)) partition_at(index).position = position;
  }
}

// What the sales were when the database had read all that comes before.
void SaleAudit::pass_position(Partition& partition) {
  if (partition.passed) return;
  partition.passed = true;
  for (const auto& [id, sale] : partition.fold.sales()) {
    partition.sums[id] = {.granted = sale->granted, .held = sale->held};
  }
  // A readable reserve that follows an unreadable one of the same order has its row already, which
  // says rejected; its units come free when the log says so too.
  for (const auto& [id, offset] : partition.refused) {
    const ledger::Order* order = partition.fold.find_order(ledger::order_id_text(id));
    if (order == nullptr || order->sale == nullptr || !order->holds_units()) continue;
    partition.sums[order->sale->definition.sale].held -= order->quantity;
  }
}

void SaleAudit::refuse(Partition& partition, std::int64_t offset, ByteView value) {
  ++unreadable_;
  partition.fold.skip(offset);
  const auto to = ledger::addressee_of(value);
  if (!to || offset >= partition.position) return;
  if (partition.fold.find_order(to->order) == nullptr) partition.refused.emplace(to->id, offset);
}

void SaleAudit::record(std::int32_t index, std::int64_t offset, ByteView value) {
  Partition& partition = partition_at(index);
  if (offset < partition.fold.next_offset()) return;
  ++records_;
  const bool behind = offset >= partition.position;
  if (behind) pass_position(partition);
  const auto event = ledger::decode(value);
  if (!event) return refuse(partition, offset, value);
  if (!at_home(index, ledger::sale_of(*event))) ++strays_;
  const std::string key = ledger::key_of(*event);
  std::optional<ledger::Order> before;
  if (const ledger::Order* order = partition.fold.find_order(key)) before = *order;
  const ledger::Change change = partition.fold.apply(offset, *event);
  if (before && behind && before->offset < partition.position && changes_row(change)) {
    partition.orders.try_emplace(*ledger::pack_order_id(key), *before);
  }
  judge(index, offset, *event, before ? &*before : nullptr, change);
}

// I1 and I4, event by event.
void SaleAudit::judge(std::int32_t index, std::int64_t offset, const ledger::Event& event,
                      const ledger::Order* before, const ledger::Change& change) {
  if (change.sale.empty() || !looked_at(change.sale) || !at_home(index, change.sale)) return;
  Tally& tally = tallies_[std::string(change.sale)];
  const std::int64_t available = partitions_.at(index).fold.available(change.sale);
  ++found_[kI1].checked;
  if (change.void_reason == ledger::VoidReason::no_stock) {
    offend(found_[kI1], change.sale, change.order,
           fmt::format("the reserve at offset {} takes {} units of {} that are available", offset,
                       change.quantity, available));
  }
  if (available < 0) {
    offend(found_[kI1], change.sale, change.order,
           fmt::format("{} units are available behind offset {}", available, offset));
  }
  if (change.kind == Kind::refund_due) ++tally.refunds;
  if (!frees(change.kind) || change.stock_delta == 0) return;
  ++tally.released;
  ++found_[kI4].checked;
  if (before == nullptr || !before->is_unpaid()) {
    offend(found_[kI4], change.sale, change.order,
           fmt::format("{} at offset {} frees {} units of an order that is {}",
                       ledger::type_of(event), offset, change.stock_delta,
                       before == nullptr ? "not known" : name_of(before->state)));
  }
}

void SaleAudit::accepted(std::string_view order) {
  ++accepted_;
  ++found_[kI2].checked;
  for (const auto& [index, partition] : partitions_) {
    const ledger::Order* found = partition.fold.find_order(order);
    if (found == nullptr) continue;
    if (found->void_reason != ledger::VoidReason::none) {
      offend(found_[kI2], "", order,
             fmt::format("was answered 202 and does not count: {}", name_of(found->void_reason)));
    }
    return;
  }
  offend(found_[kI2], "", order, "was answered 202 and is not on the log");
}

// Where the log has the order: at home, where its row says, or anywhere.
std::optional<SaleAudit::Found> SaleAudit::find(const ledger::PackedOrderId& id,
                                                std::string_view id_text,
                                                const orders::StoredOrder& stored) const {
  const auto look = [&](std::int32_t index) -> std::optional<Found> {
    const auto partition = partitions_.find(index);
    if (partition == partitions_.end()) return std::nullopt;
    const Partition* p = &partition->second;
    if (p->refused.contains(id)) return Found{p, index, nullptr};
    const ledger::Order* order = p->fold.find_order(id_text);
    if (order == nullptr) return std::nullopt;
    return Found{p, index, order};
  };
  if (auto found = look(ledger::partition_of(stored.row.sale, options_.partitions))) return found;
  if (auto found = look(stored.row.log_partition)) return found;
  for (const auto& [index, partition] : partitions_) {
    if (auto found = look(index)) return found;
  }
  return std::nullopt;
}

const ledger::Order& SaleAudit::at_position(const Found& found,
                                            const ledger::PackedOrderId& id) const {
  const auto changed = found.partition->orders.find(id);
  return changed == found.partition->orders.end() ? *found.now : changed->second;
}

void SaleAudit::row(const orders::StoredOrder& stored) {
  const auto id = ledger::pack_order_id(stored.row.order_id);
  const auto found = id ? find(*id, stored.row.order_id, stored) : std::nullopt;
  if (!found) return no_record(stored);
  const bool named = found->now != nullptr && found->now->sale != nullptr;
  const std::string& sale = named ? found->now->sale->definition.sale : stored.row.sale;
  if (!looked_at(sale) && !looked_at(stored.row.sale)) return;
  ++found_[kI3].checked;
  if (!rows_.insert(*id).second) {
    offend(found_[kI3], sale, stored.row.order_id, "has a further row");
  }
  Tally& tally = tallies_[stored.row.sale];
  ++tally.rows;
  if (holds_units(stored.row)) tally.units_in_rows += stored.row.quantity;
  if (found->now == nullptr) {
    compare_refused(*found, stored);
  } else {
    compare(*found, stored);
  }
}

void SaleAudit::no_record(const orders::StoredOrder& stored) {
  if (!looked_at(stored.row.sale)) return;
  const bool elsewhere = !partitions_.contains(stored.row.log_partition);
  // Of a reserve that was written where its sale does not live, and refused.
  if (elsewhere && stored.row.state == OrderState::rejected) return;
  ++found_[kI3].checked;
  Tally& tally = tallies_[stored.row.sale];
  ++tally.rows;
  if (holds_units(stored.row)) tally.units_in_rows += stored.row.quantity;
  offend(found_[kI3], stored.row.sale, stored.row.order_id,
         fmt::format("has a row, {}, and no reserve on the log", stored.state));
}

void SaleAudit::compare_refused(const Found& found, const orders::StoredOrder& stored) {
  const std::int64_t offset =
      found.partition->refused.at(*ledger::pack_order_id(stored.row.order_id));
  if (stored.row.state == OrderState::rejected && stored.row.log_offset == offset) return;
  offend(found_[kI3], stored.row.sale, stored.row.order_id,
         fmt::format("is an unreadable reserve at offset {}, its row says {} from offset {}",
                     offset, stored.state, stored.row.log_offset));
}

void SaleAudit::compare(const Found& found, const orders::StoredOrder& stored) {
  const std::string& id = stored.row.order_id;
  if (found.now->offset >= found.partition->position) {
    offend(found_[kI3], stored.row.sale, id,
           fmt::format("has a row, but the database has read its partition up to offset {} only, "
                       "and its reserve is at {}",
                       found.partition->position, found.now->offset));
    return;
  }
  const ledger::Order& order = at_position(found, *ledger::pack_order_id(id));
  const OrderState state = row_state(order.state);
  const bool row_is_free = stored.row.state == OrderState::rejected ||
                           stored.row.state == OrderState::cancelled ||
                           stored.row.state == OrderState::expired;
  if ((state == OrderState::paid && row_is_free) ||
      (stored.row.state == OrderState::paid && !order.holds_units())) {
    offend(found_[kI4], stored.row.sale, id,
           fmt::format("is {} on the log and {} in its row", name_of(state), stored.state));
  }
  std::string differs = difference(stored, order, found.index);
  if (!differs.empty()) offend(found_[kI3], stored.row.sale, id, std::move(differs));
}

void SaleAudit::offend(AuditInvariant& invariant, std::string_view sale, std::string_view order,
                       std::string what) {
  ++invariant.offences;
  if (invariant.shown.size() >= options_.shown_offences) return;
  invariant.shown.push_back({std::string(sale), std::string(order), std::move(what)});
}

void SaleAudit::frontend_says(const std::string& sale, std::int64_t available, bool still) {
  Tally& tally = tallies_[sale];
  tally.frontend = available;
  tally.frontend_still = still;
}

std::optional<std::int64_t> SaleAudit::available(const std::string& sale) const {
  const auto partition = partitions_.find(ledger::partition_of(sale, options_.partitions));
  if (partition == partitions_.end()) return std::nullopt;
  const ledger::SaleState* state = partition->second.fold.find_sale(sale);
  if (state == nullptr) return std::nullopt;
  return state->available();
}

std::vector<std::string> SaleAudit::sales_shown() const {
  std::vector<std::string> sales;
  for (const auto& [index, partition] : partitions_) {
    for (const auto& [id, state] : partition.fold.sales()) {
      if (looked_at(id) && at_home(index, id) && !state->definition.draft) sales.push_back(id);
    }
  }
  return sales;
}

void SaleAudit::look_for_missing_rows() {
  struct Missing {
    std::int64_t offset;
    std::string id;
    std::string sale;
  };
  std::vector<Missing> missing;
  for (const auto& [index, partition] : partitions_) {
    partition.fold.for_each_order([&](const auto& id, const ledger::Order& order) {
      const std::string sale = order.sale == nullptr ? "" : order.sale->definition.sale;
      if (!looked_at(sale) || order.offset >= partition.position) return;
      if (!rows_.contains(id)) {
        missing.push_back({order.offset, ledger::order_id_text(id), sale});
      }
    });
    for (const auto& [id, offset] : partition.refused) {
      if (options_.sales.empty() && !rows_.contains(id)) {
        missing.push_back({offset, ledger::order_id_text(id), ""});
      }
    }
  }
  std::ranges::sort(missing, {}, &Missing::offset);
  for (const Missing& order : missing) {
    ++found_[kI3].checked;
    offend(found_[kI3], order.sale, order.id,
           fmt::format("is at offset {} of the log and has no row", order.offset));
  }
}

// The log has to reach as far as it was read.
void SaleAudit::check_ends() {
  if (!has_database_) return;
  for (const auto& [index, partition] : partitions_) {
    ++found_[kI2].checked;
    const std::int64_t position = partition.position;
    const std::int64_t end = partition.fold.next_offset();
    if (end >= position) continue;
    offend(found_[kI2], "", "",
           fmt::format("the database has read partition {} up to offset {}, the log ends at {}: it "
                       "has lost its end or is another one",
                       index, position, end));
  }
}

// I5, and what a frontend says.
void SaleAudit::compare_sums(AuditReport& report) {
  AuditInvariant& i5 = found_[kI5];
  for (const AuditSale& sale : report.sales) {
    ++i5.checked;
    if (has_database_) {
      const Sums& sums = partitions_.at(sale.partition).sums[sale.sale];
      if (sale.units_in_rows != sums.held) {
        offend(i5, sale.sale, "",
               fmt::format("{} units in rows + {} available are not the {} that were granted",
                           sale.units_in_rows, sums.granted - sums.held, sums.granted));
      }
    }
    if (!sale.frontend || *sale.frontend == sale.available) continue;
    if (tallies_.find(sale.sale)->second.frontend_still) {
      offend(i5, sale.sale, "",
             fmt::format("the frontend has {} units free, the log says {}", *sale.frontend,
                         sale.available));
    } else {
      report.motion.units += std::abs(*sale.frontend - sale.available);
    }
  }
}

void SaleAudit::count_motion(AuditMotion& motion) const {
  for (const auto& [index, partition] : partitions_) {
    motion.changing += static_cast<std::int64_t>(partition.orders.size());
    partition.fold.for_each_order([&](const auto&, const ledger::Order& order) {
      if (order.sale != nullptr && !looked_at(order.sale->definition.sale)) return;
      if (has_database_ && order.offset >= partition.position) {
        ++motion.unread;
      } else if (order.state == OrderState::reserved || order.state == OrderState::voided) {
        ++motion.unanswered;
      }
    });
  }
  motion.unanswered = std::max(motion.unanswered, outcomes_waiting_);
}

AuditSale SaleAudit::sale_of(std::int32_t index, const ledger::SaleState& state) const {
  const std::string& id = state.definition.sale;
  AuditSale sale{.sale = id,
                 .partition = index,
                 .granted = state.granted,
                 .held = state.held,
                 .available = state.available(),
                 .orders = state.orders};
  if (const auto tally = tallies_.find(id); tally != tallies_.end()) {
    sale.released = tally->second.released;
    sale.refunds = tally->second.refunds;
    sale.rows = tally->second.rows;
    sale.units_in_rows = tally->second.units_in_rows;
    sale.frontend = tally->second.frontend;
  }
  return sale;
}

AuditReport SaleAudit::report() {
  AuditReport report{.records = records_, .unreadable = unreadable_, .strays = strays_};
  bool frontend_asked = false;
  for (auto& [index, partition] : partitions_) {
    if (has_database_) pass_position(partition);
    for (const auto& [id, state] : partition.fold.sales()) {
      if (!looked_at(id) || !at_home(index, id)) continue;
      report.sales.push_back(sale_of(index, *state));
      frontend_asked = frontend_asked || report.sales.back().frontend;
    }
  }
  std::ranges::sort(report.sales, {}, &AuditSale::sale);
  check_ends();
  if (has_database_) look_for_missing_rows();
  compare_sums(report);
  count_motion(report.motion);
  const std::array<bool, 5> told = {true, has_database_ || accepted_ > 0, has_database_, true,
                                    has_database_ || frontend_asked};
  report.invariants = found_;
  for (std::size_t i = 0; i < told.size(); ++i) {
    AuditInvariant& invariant = report.invariants[i];
    invariant.id = kTexts[i].id;
    invariant.text = kTexts[i].text;
    invariant.unit = kTexts[i].unit;
    if (told[i]) {
      invariant.verdict = invariant.offences > 0 ? AuditVerdict::broken : AuditVerdict::holds;
    }
  }
  return report;
}

std::string_view name_of(AuditVerdict verdict) {
  switch (verdict) {
    case AuditVerdict::holds:
      return "holds";
    case AuditVerdict::broken:
      return "broken";
    case AuditVerdict::unchecked:
      return "unchecked";
  }
  return "unknown";
}

bool AuditReport::broken() const {
  return std::ranges::any_of(invariants, [](const AuditInvariant& invariant) {
    return invariant.verdict == AuditVerdict::broken;
  });
}

}  // namespace sluice::ctl
