#include "frontend/ledger_reader.h"

#include <algorithm>
#include <condition_variable>
#include <iterator>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "shared/base/check.h"
#include "shared/client/admin.h"
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
constexpr Millis kWatermarkTimeout{5'000};
constexpr Millis kAdminTimeout{2'000};
// While the log is read at start, a line of how far it is.
constexpr Millis kProgressInterval{1'000};
// Between two tries of what failed at once, so as not to storm a broker that refuses.
constexpr Millis kRetryPause{200};

void pause(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, kRetryPause, [] { return false; });
}

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

// Of the ledger's topic; 0 when it does not exist. Asks for metadata only, which needs no right to
// read configurations.
Result<std::int32_t> partition_count(client::Admin& admin) {
  TRY(topics, admin.list_topics());
  const auto topic = std::ranges::find(topics, ledger::kOrdersTopic, &client::TopicInfo::name);
  return topic == topics.end() ? 0 : static_cast<std::int32_t>(topic->partitions.size());
}

}  // namespace

LedgerReader::LedgerReader(Options options, const Clock& clock, OrderLog& log, StockBook& stock,
                           InFlight& in_flight, SaleChanges& changes, OrderBoard& board,
                           std::function<void(Error)> on_end)
    : options_(std::move(options)),
      clock_(clock),
      log_(log),
      stock_(stock),
      in_flight_(in_flight),
      changes_(changes),
      board_(board),
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

// Tries for as long as it takes: a frontend may be started before its broker.
void LedgerReader::prepare(const std::stop_token& stop) {
  while (!stop.stop_requested() && partitions_.empty()) {
    const auto count = find_or_create_topic();
    if (!count) {
      note_problem(count.error().context);
      pause(stop);
      continue;
    }
    log_.set_partition_count(*count);
    log_.look_up_topic();
    const std::unique_lock lock(folds_mutex_);
    for (std::int32_t i = 0; i < *count; ++i) partitions_.push_back(std::make_unique<Partition>());
  }
}

Result<std::int32_t> LedgerReader::find_or_create_topic() const {
  TRY(admin, client::Admin::open(options_.settings, kAdminTimeout));
  TRY(found, partition_count(*admin));
  if (found > 0) return found;
  // Nothing of a sale may ever be dropped by age or size.
  TRY_VOID(admin->create_topic({.name = std::string(ledger::kOrdersTopic),
                                .partitions = options_.partitions,
                                .configs = {{"retention.ms", "-1"}, {"retention.bytes", "-1"}}}));
  TRY(created, partition_count(*admin));
  if (created > 0) return created;
  return fail(Code::unavailable,
              fmt::format("{} was created and is not there yet", ledger::kOrdersTopic));
}

Result<void> LedgerReader::follow(const std::stop_token& stop) {
  prepare(stop);
  if (stop.stop_requested()) return {};
  TRY(consumer, open_consumer());
  bool whole = false;
  while (!stop.stop_requested()) {
    if (!whole) {
      const auto checked = check_whole(*consumer);
      if (!checked && checked.error().code == Code::out_of_range) return checked;
      whole = checked.has_value();
      if (whole) {
        TRY_VOID(assign_all(*consumer));
      } else {
        note_problem(checked.error().context);
        pause(stop);
      }
      continue;
    }
    auto batch = consumer->poll(kBatchRecords, kPollTimeout);
    if (batch) {
      TRY_VOID(apply(*batch));
      if (!ready()) {
        log_progress();
        TRY_VOID(advance_start(batch->ends()));
      }
    } else if (batch.error().code == Code::out_of_range) {
      return std::unexpected(batch.error());
    } else {
      note_problem(batch.error().context);
    }
    if (auto fatal = log_.fatal()) return std::unexpected(*fatal);
    in_flight_.expire(clock_.now());
    changes_.expire(clock_.now());
    if (ready()) TRY_VOID(settle_doubts());
  }
  return {};
}

Result<std::unique_ptr<client::Consumer>> LedgerReader::open_consumer() const {
  client::ConsumerOptions options;
  options.report_ends = true;
  options.headers = false;
  options.missing_offset = client::ConsumerOptions::Missing::error;
  options.fetch_wait_max = Millis(500);
  return client::Consumer::open(options_.settings, std::move(options));
}

Result<void> LedgerReader::assign_all(client::Consumer& consumer) const {
  std::vector<client::TopicPartition> partitions;
  for (std::int32_t i = 0; i < log_.partition_count(); ++i) {
    partitions.push_back({std::string(ledger::kOrdersTopic), i, 0});
  }
  return consumer.assign(partitions);
}

// A log that lost its head would fold to too much stock. Before the assignment: a question would
// wait behind the fetches, which a server answers late when there is nothing to read.
Result<void> LedgerReader::check_whole(client::Consumer& consumer) {
  const std::string topic(ledger::kOrdersTopic);
  std::uint64_t records = 0;
  for (std::int32_t i = 0; i < log_.partition_count(); ++i) {
    TRY(watermarks, consumer.watermarks(topic, i, kWatermarkTimeout));
    partitions_[static_cast<std::size_t>(i)]->end_at_start = watermarks.high;
    records += static_cast<std::uint64_t>(watermarks.high);
    if (watermarks.low == 0) continue;
    return fail(Code::out_of_range,
                fmt::format("{} [{}] begins at offset {} instead of 0: without its head the stock "
                            "cannot be known; restore the log from a backup",
                            topic, i, watermarks.low));
  }
  records_at_start_ = records;
  log_progress_at_ = clock_.now() + kProgressInterval;
  return {};
}

Result<void> LedgerReader::apply(const client::Batch& batch) {
  if (batch.records().empty()) return {};
  const std::unique_lock lock(folds_mutex_);
  for (const auto& record : batch.records()) TRY_VOID(apply(record));
  return {};
}

Result<void> LedgerReader::apply(const client::Record& record) {
  ledger::Fold& fold = partitions_[static_cast<std::size_t>(record.partition)]->fold;
  records_.fetch_add(1, std::memory_order_relaxed);
  const auto event = ledger::decode(record.value.value_or(ByteView()));
  if (!event) {
    log::warning("record skipped partition={} offset={} reason={}", record.partition, record.offset,
                 log::quoted(event.error().context));
    fold.skip(record.offset);
    return {};
  }
  if (!at_home(record.partition, ledger::sale_of(*event))) {
    log::warning("record skipped partition={} offset={} reason=\"sale {} lives elsewhere\"",
                 record.partition, record.offset, ledger::sale_of(*event));
    fold.skip(record.offset);
    return {};
  }
  return react(record.partition, *event, fold.apply(record.offset, *event));
}

// Of a sale's records only those count that are in the one partition it is sold from.
bool LedgerReader::at_home(std::int32_t partition, std::string_view sale) {
  if (sale.empty() || ledger::partition_of(sale, log_.partition_count()) == partition) return true;
  for (const auto& configured : options_.sales) {
    if (configured.sale == sale) strays_.insert(configured.sale);
  }
  return false;
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
  const auto& order = *partitions_[static_cast<std::size_t>(index)]->fold.find_order(id);
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
  const auto& fold = partitions_[static_cast<std::size_t>(index)]->fold;
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
  const std::int64_t newest = std::max(partition.fold.epoch().epoch, partition.asked_epoch);
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

Result<void> LedgerReader::write_sales(std::int32_t index) {
  Partition& partition = *partitions_[static_cast<std::size_t>(index)];
  for (const auto& sale : options_.sales) {
    if (ledger::partition_of(sale.sale, log_.partition_count()) != index) continue;
    if (partition.fold.find_sale(sale.sale) != nullptr) continue;
    // Its orders would be there, too: to open it here would sell its stock once more.
    if (strays_.contains(sale.sale)) {
      return fail(Code::invalid,
                  fmt::format("sale {} is in another partition of {} than [{}], where it belongs: "
                              "was the topic's number of partitions changed?",
                              sale.sale, ledger::kOrdersTopic, index));
    }
    if (partition.sales_sent.contains(sale.sale)) continue;
    if (log_.append(sale, index, [](const ledger::Sale&) {}, note_failure(index))) {
      partition.sales_sent.insert(sale.sale);
    }
  }
  return {};
}

// Before the doors open: each partition is read to its end, taken over, read up to our epoch, and
// given the configured sales that it lacks.
Result<void> LedgerReader::advance_start(std::span<const client::TopicPartition> ends) {
  for (const auto& end : ends) at_end_.insert(end.partition);
  bool complete = true;
  for (std::int32_t i = 0; i < log_.partition_count(); ++i) {
    Partition& partition = *partitions_[static_cast<std::size_t>(i)];
    if (partition.send_failed->exchange(false)) {
      partition.waiting_for_epoch = false;
      partition.sales_sent.clear();
    }
    // The watermark says it sooner; the report also when the end is no record, but a marker.
    if (partition.fold.next_offset() < partition.end_at_start && !at_end_.contains(i)) {
      complete = false;
    } else if (!partition.owned) {
      complete = false;
      TRY_VOID(take_over(i));
    } else if (at_end_.size() == partitions_.size()) {
      TRY_VOID(write_sales(i));
    }
  }
  for (const auto& sale : options_.sales) {
    const auto index = ledger::partition_of(sale.sale, log_.partition_count());
    const auto& fold = partitions_[static_cast<std::size_t>(index)]->fold;
    complete = complete && fold.find_sale(sale.sale) != nullptr;
  }
  if (!complete) return {};
  build_stock();
  ready_.store(true, std::memory_order_release);
  log::info("ledger folded records={} sales={}", records(), stock_.all().size());
  return {};
}

void LedgerReader::build_stock() {
  for (const auto& partition : partitions_) {
    for (const auto& [id, state] : partition->fold.sales()) {
      stock_.add(state->definition, state->granted);
    }
    const ledger::SaleState* last = nullptr;
    SaleStock* stock = nullptr;
    partition->fold.for_each_order(
        [&](const ledger::PackedOrderId& id, const ledger::Order& order) {
          if (order.sale == nullptr) return;
          if (order.sale != last) stock = stock_.find(order.sale->definition.sale);
          last = order.sale;
          stock->follow(order.user, id, order.quantity, order.holds_units());
          units_due_.add(*stock, id, order);
        });
    for (const auto& [id, state] : partition->fold.sales()) {
      units_due_.tell(*stock_.find(id), partition->fold);
    }
  }
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

void LedgerReader::log_progress() {
  if (clock_.now() < log_progress_at_) return;
  log_progress_at_ = clock_.now() + kProgressInterval;
  log::info("not ready yet progress={}", log::quoted(progress()));
}

std::string LedgerReader::progress() const {
  const std::lock_guard lock(problem_mutex_);
  std::string text = fmt::format("reading {}", ledger::kOrdersTopic);
  const std::uint64_t all = records_at_start_;
  const std::uint64_t read = std::min(records(), all);
  if (all > 0) text += fmt::format(": {} of {} records ({} %)", read, all, read * 100 / all);
  if (!problem_.empty()) text += "; last problem: " + problem_;
  return text;
}

std::optional<ledger::SaleState> LedgerReader::find_sale(std::string_view sale) const {
  const std::shared_lock lock(folds_mutex_);
  for (const auto& partition : partitions_) {
    if (const ledger::SaleState* state = partition->fold.find_sale(sale)) return *state;
  }
  return std::nullopt;
}

std::vector<ledger::SaleState> LedgerReader::sales() const {
  const std::shared_lock lock(folds_mutex_);
  std::vector<ledger::SaleState> all;
  for (const auto& partition : partitions_) {
    for (const auto& [id, state] : partition->fold.sales()) all.push_back(*state);
  }
  return all;
}

std::optional<OrderStatus> LedgerReader::find_order(std::string_view id) const {
  const std::shared_lock lock(folds_mutex_);
  for (const auto& partition : partitions_) {
    const ledger::Order* order = partition->fold.find_order(id);
    if (order == nullptr) continue;
    OrderStatus status;
    status.order = id;
    status.user = order->user;
    status.quantity = order->quantity;
    status.unit_price = order->unit_price;
    status.reserved_at = order->reserved_at;
    status.deadline = order->deadline;
    status.state = state_text(*order);
    status.reason = partition->fold.why_rejected(id);
    status.payment = partition->fold.payment_of(id);
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
