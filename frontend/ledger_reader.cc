#include "frontend/ledger_reader.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "shared/base/check.h"
#include "shared/ledger/codec.h"
#include "shared/ledger/topic.h"
#include "shared/log/log.h"

namespace sluice::frontend {
namespace {

using Kind = ledger::Change::Kind;

// How often the deadlines of waiting answers are looked at while the log is quiet.
constexpr Millis kPollTimeout{50};
// Records folded under one hold of the lock; above it readers of orders would wait too long.
constexpr std::size_t kBatchRecords = 4096;

std::string state_text(const ledger::Order& order) {
  switch (order.state) {
    case ledger::OrderState::reserved:
      return "queued";
    case ledger::OrderState::voided:
      return "rejected";
    case ledger::OrderState::placed:
    case ledger::OrderState::paid:
    case ledger::OrderState::rejected:
    case ledger::OrderState::cancelled:
    case ledger::OrderState::expired:
      break;
  }
  return std::string(name_of(order.state));
}

ledger::PackedOrderId packed(std::string_view id) {
  const auto bytes = ledger::pack_order_id(id);
  CHECK(bytes);
  return *bytes;
}

}  // namespace

LedgerReader::LedgerReader(Options options, const Clock& clock, OrderLog& log, StockBook& stock,
                           InFlight& in_flight, SaleChanges& changes, OrderBoard& board,
                           snapshots::FoldSnapshots& snapshots, std::function<void(Error)> on_end)
    : options_(std::move(options)),
      clock_(clock),
      log_(log),
      stock_(stock),
      in_flight_(in_flight),
      changes_(changes),
      board_(board),
      snapshots_(snapshots),
      on_end_(std::move(on_end)) {}

LedgerReader::~LedgerReader() = default;

void LedgerReader::start() {
  thread_ = std::jthread([this](std::stop_token stop) { run(std::move(stop)); });
}

void LedgerReader::run(std::stop_token stop) {
  const auto followed = follow(stop);
  ready_ = false;
  in_flight_.stop_waiting();  // nobody looks at the deadlines any more
  changes_.stop_waiting();
  if (!followed) on_end_(followed.error());
}

Result<void> LedgerReader::follow(const std::stop_token& stop) {
  TRY(consumer, begin(stop));
  while (!stop.stop_requested()) {
    auto batch = consumer->poll(kBatchRecords, kPollTimeout);
    if (batch) {
      TRY_VOID(take(*consumer, *batch));
    } else if (batch.error().code == Code::out_of_range) {
      return std::unexpected(batch.error());
    } else {
      note_problem(batch.error().context);
    }
    if (auto fatal = log_.fatal()) return std::unexpected(*fatal);
    in_flight_.expire(clock_.now());
    changes_.expire(clock_.now());
    if (ready()) TRY_VOID(settle_doubts());
    if (retention_ && retention_->done()) retention_.reset();
  }
  return {};
}

Result<void> LedgerReader::take(client::Consumer& consumer, const client::Batch& batch) {
  const std::set<std::int32_t> torn = torn_from_log(batch);
  TRY_VOID(apply(batch, torn));
  if (!torn.empty()) TRY_VOID(assign_all(consumer));
  keep_snapshots();
  if (ready()) return {};
  for (const auto& end : batch.ends()) {
    if (!torn.contains(end.partition)) at_end_.insert(end.partition);
  }
  log_progress();
  return advance_start();
}

Result<void> LedgerReader::apply(const client::Batch& batch, const std::set<std::int32_t>& torn) {
  if (batch.records().empty()) return {};
  const std::unique_lock lock(folds_mutex_);
  for (const auto& record : batch.records()) {
    if (!torn.contains(record.partition)) TRY_VOID(apply(record));
  }
  return {};
}

Result<void> LedgerReader::apply(const client::Record& record) {
  ledger::FoldedLog& log = partitions_[static_cast<std::size_t>(record.partition)]->log;
  ledger::Fold& fold = log.fold;
  records_.fetch_add(1, std::memory_order_relaxed);
  log.seam = ledger::seam_at(record.offset, record.key, record.value);
  const auto event = ledger::decode(record.value.value_or(ByteView()));
  if (!event) {
    log::warning("record skipped partition={} offset={} reason={}", record.partition, record.offset,
                 log::quoted(event.error().context));
    fold.skip(record.offset);
    return {};
  }
  if (const auto sale = ledger::sale_of(*event); !at_home(record.partition, sale)) {
    log::warning("record skipped partition={} offset={} reason=\"sale {} lives elsewhere\"",
                 record.partition, record.offset, sale);
    log.sales_elsewhere.emplace(sale);
    fold.skip(record.offset);
    return {};
  }
  return react(record.partition, *event, fold.apply(record.offset, *event));
}

// Of a sale's records only those count that are in the one partition it is sold from.
bool LedgerReader::at_home(std::int32_t partition, std::string_view sale) const {
  return sale.empty() || ledger::partition_of(sale, log_.partition_count()) == partition;
}

Result<void> LedgerReader::react(std::int32_t index, const ledger::Event& event,
                                 const ledger::Change& change) {
  switch (change.kind) {
    case Kind::epoch_accepted:
    case Kind::epoch_refused:
      return epoch_changed(index, std::get<ledger::Epoch>(event),
                           change.kind == Kind::epoch_accepted);
    case Kind::sale_defined:
    case Kind::sale_changed:
    case Kind::sale_repeated:
    case Kind::sale_refused:
      if (ready()) sale_read(change, std::get<ledger::Sale>(event));
      return {};
    case Kind::reserved:
    case Kind::repeated:
    case Kind::voided:
      if (ready()) reserve_read(index, change.order);
      tell(change.order);
      return {};
    case Kind::rejected:
    case Kind::cancelled:
    case Kind::expired:
    case Kind::paid:  // keeps its units, which will not come back now
      if (ready()) follow_order(index, change.order);
      tell(change.order);
      return {};
    case Kind::placed:
    case Kind::refund_due:
      tell(change.order);
      return {};
    case Kind::replayed:
    case Kind::ignored:
      return {};
  }
  return {};
}

Result<void> LedgerReader::epoch_changed(std::int32_t index, const ledger::Epoch& epoch,
                                         bool accepted) {
  Partition& partition = *partitions_[static_cast<std::size_t>(index)];
  // The writer's name is there for all to read; what it asked for is its own.
  const bool ours = epoch.writer == log_.writer() && epoch.epoch <= partition.asked_epoch;
  if (!ours) {
    if (!accepted || !partition.owned) return {};
    return fail(Code::fenced, fmt::format("another frontend ({}) took over {} [{}] with epoch {}",
                                          epoch.writer, ledger::kOrdersTopic, index, epoch.epoch));
  }
  if (epoch.epoch == partition.asked_epoch) partition.waiting_for_epoch = false;
  if (!accepted) return {};
  partition.owned = true;
  log_.confirm_epoch(index, epoch.epoch);
  undo(in_flight_.settle(index, epoch.epoch));
  changes_.settle(index, epoch.epoch);
  return {};
}

void LedgerReader::sale_read(const ledger::Change& change, const ledger::Sale& record) {
  if (change.kind == Kind::sale_refused) {
    log::warning("sale record refused sale={} reason={}", record.sale, name_of(change.refusal));
    changes_.seen(record, {.verdict = SaleChanges::Verdict::refused, .refusal = change.refusal});
    return;
  }
  if (change.kind != Kind::sale_repeated) sale_changed(change, record);
  changes_.seen(record, {.verdict = SaleChanges::Verdict::applied});
}

void LedgerReader::sale_changed(const ledger::Change& change, const ledger::Sale& definition) {
  SaleStock* sale = stock_.find(definition.sale);
  if (sale == nullptr) {
    stock_.add(definition, change.stock_delta);
    return;
  }
  sale->redefine(definition);
  sale->grant(change.stock_delta);
}

// The first record of an id decides what the order is. It is ours, or void, or of another program
// that used up the id.
void LedgerReader::reserve_read(std::int32_t index, std::string_view id) {
  const auto bytes = ledger::pack_order_id(id);
  if (!bytes) return;
  follow_order(index, id);
  const auto& order = *partitions_[static_cast<std::size_t>(index)]->log.fold.find_order(id);
  in_flight_.seen(*bytes, index, [&](const ledger::Reserve& sent) {
    const bool same_order = order.sale != nullptr && order.sale->definition.sale == sent.sale &&
                            order.user == sent.user;
    if (!same_order) stock_.find(sent.sale)->undo(sent.user, *bytes);
    const bool counts = same_order && order.quantity == sent.quantity &&
                        order.void_reason == ledger::VoidReason::none;
    return counts ? Placement::queued : Placement::not_reserved;
  });
}

void LedgerReader::tell(std::string_view id) {
  if (board_.watching() == 0) return;
  if (const auto bytes = ledger::pack_order_id(id)) board_.changed(*bytes);
}

// Brings the stock to what the fold says of the order.
void LedgerReader::follow_order(std::int32_t index, std::string_view id) {
  const auto& fold = partitions_[static_cast<std::size_t>(index)]->log.fold;
  const ledger::Order* order = fold.find_order(id);
  if (order == nullptr || order->sale == nullptr) return;
  SaleStock* sale = stock_.find(order->sale->definition.sale);
  CHECK(sale != nullptr);
  sale->follow(order->user, packed(id), order->quantity, order->holds_units());
  if (order->state == ledger::OrderState::reserved) units_due_.add(*sale, packed(id), *order);
  units_due_.tell(*sale, fold);
}

void LedgerReader::undo(const std::vector<ledger::Reserve>& reserves) {
  for (const auto& reserve : reserves) {
    stock_.find(reserve.sale)->undo(reserve.user, packed(reserve.order));
    log::info("order settled order={} outcome=not_reserved", reserve.order);
  }
}

client::Producer::Done LedgerReader::note_failure(std::int32_t index) {
  return [failed = partitions_[static_cast<std::size_t>(index)]->send_failed](
             client::Delivery delivery) {
    if (delivery.outcome != client::Outcome::persisted) *failed = true;
  };
}

Result<void> LedgerReader::take_over(std::int32_t index) {
  Partition& partition = *partitions_[static_cast<std::size_t>(index)];
  if (partition.waiting_for_epoch) return {};
  const std::int64_t newest = std::max(partition.log.fold.epoch().epoch, partition.asked_epoch);
  if (newest == std::numeric_limits<std::int64_t>::max()) {
    return fail(Code::out_of_range,
                fmt::format("{} [{}] cannot be taken over: its epoch {} is the largest there is",
                            ledger::kOrdersTopic, index, newest));
  }
  if (const auto sent = log_.begin_epoch(index, newest + 1, note_failure(index)); !sent) {
    note_problem(sent.error().context);
    return {};
  }
  partition.asked_epoch = newest + 1;
  partition.waiting_for_epoch = true;
  return {};
}

Result<void> LedgerReader::settle_doubts() {
  auto doubtful = in_flight_.doubtful_partitions();
  std::ranges::copy(changes_.doubtful_partitions(), std::back_inserter(doubtful));
  for (const std::int32_t index : doubtful) {
    Partition& partition = *partitions_[static_cast<std::size_t>(index)];
    if (partition.send_failed->exchange(false)) partition.waiting_for_epoch = false;
    TRY_VOID(take_over(index));
  }
  return {};
}

void LedgerReader::note_problem(std::string problem) {
  const std::lock_guard lock(problem_mutex_);
  problem_ = std::move(problem);
}

std::optional<ledger::SaleState> LedgerReader::find_sale(std::string_view sale) const {
  const std::shared_lock lock(folds_mutex_);
  for (const auto& partition : partitions_) {
    if (const ledger::SaleState* state = partition->log.fold.find_sale(sale)) return *state;
  }
  return std::nullopt;
}

std::vector<ledger::SaleState> LedgerReader::sales() const {
  const std::shared_lock lock(folds_mutex_);
  std::vector<ledger::SaleState> all;
  for (const auto& partition : partitions_) {
    for (const auto& [id, state] : partition->log.fold.sales()) all.push_back(*state);
  }
  return all;
}

std::optional<OrderStatus> LedgerReader::find_order(std::string_view id) const {
  const std::shared_lock lock(folds_mutex_);
  for (const auto& partition : partitions_) {
    const ledger::Order* order = partition->log.fold.find_order(id);
    if (order == nullptr) continue;
    OrderStatus status;
    status.order = id;
    status.user = order->user;
    status.quantity = order->quantity;
    status.unit_price = order->unit_price;
    status.reserved_at = order->reserved_at;
    status.deadline = order->deadline;
    status.state = state_text(*order);
    status.reason = partition->log.fold.why_rejected(id);
    status.payment = partition->log.fold.payment_of(id);
    status.refund_due = order->refund_due;
    status.position = order->changed;
    if (order->sale != nullptr) {
      status.sale = order->sale->definition.sale;
      status.currency = order->sale->definition.currency;
    }
    if (order->state == ledger::OrderState::voided) status.reason = name_of(order->void_reason);
    return status;
  }
  return std::nullopt;
}

}  // namespace sluice::frontend
