// How a LedgerReader comes to be ready: snapshots, the rest of the log, its epochs, the sales that
// are configured.

#include <algorithm>
#include <condition_variable>
#include <utility>

#include <fmt/format.h>

#include "frontend/ledger_reader.h"
#include "frontend/orders_topic.h"
#include "shared/ledger/topic.h"
#include "shared/log/log.h"

namespace sluice::frontend {
namespace {

constexpr Millis kWatermarkTimeout{5'000};
// While the log is read, a line of how far it is.
constexpr Millis kProgressInterval{1'000};
// Between two tries of what failed at once, so as not to storm a broker that refuses.
constexpr Millis kRetryPause{200};
// A log without its head is believed when it was told so often: librdkafka says the end for a
// beginning that the server did not tell (rd_kafka_query_watermark_offsets).
constexpr int kHeadlessAnswers = 4;

void pause(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, kRetryPause, [] { return false; });
}

}  // namespace

// Everything before the first poll, for as long as it takes.
Result<std::unique_ptr<client::Consumer>> LedgerReader::begin(const std::stop_token& stop) {
  prepare(stop);
  retention_.emplace(options_.settings);
  TRY(consumer, open_consumer());
  for (int headless = 0; !stop.stop_requested();) {
    const auto checked = check_whole(*consumer);
    if (checked) {
      TRY_VOID(assign_all(*consumer));
      break;
    }
    const bool is_headless = checked.error().code == Code::out_of_range;
    if (is_headless && ++headless == kHeadlessAnswers) return std::unexpected(checked.error());
    note_problem(checked.error().context);
    pause(stop);
  }
  return std::move(consumer);
}

// Tries for as long as it takes: a frontend may be started before its broker.
void LedgerReader::prepare(const std::stop_token& stop) {
  while (!stop.stop_requested() && partitions_.empty()) {
    const auto count = find_or_create_orders_topic(options_.settings, options_.partitions);
    if (!count) {
      note_problem(count.error().context);
      pause(stop);
      continue;
    }
    log_.set_partition_count(*count);
    log_.look_up_topic();
    const std::unique_lock lock(folds_mutex_);
    for (std::int32_t i = 0; i < *count; ++i) partitions_.push_back(load_snapshot(i, *count));
  }
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
    const ledger::FoldedLog& log = partitions_[static_cast<std::size_t>(i)]->log;
    partitions.push_back({std::string(ledger::kOrdersTopic), i, log.start()});
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
    if (watermarks.low > 0) {
      return fail(Code::out_of_range,
                  fmt::format("{} [{}] begins at offset {} instead of 0: without its head the "
                              "stock cannot be known; restore the log from a backup",
                              topic, i, watermarks.low));
    }
    Partition& partition = *partitions_[static_cast<std::size_t>(i)];
    partition.end_at_start = watermarks.high;
    if (partition.log.fold.next_offset() > watermarks.high) {
      read_from_beginning(i, fmt::format("the log ends at {} already", watermarks.high));
    }
    records += static_cast<std::uint64_t>(watermarks.high - partition.log.fold.next_offset());
  }
  records_at_start_ = records;
  log_progress_at_ = clock_.now() + kProgressInterval;
  return {};
}

// Another number of partitions has its sales elsewhere, so the name tells it.
std::unique_ptr<LedgerReader::Partition> LedgerReader::load_snapshot(std::int32_t index,
                                                                     std::int32_t count) const {
  auto partition = std::make_unique<Partition>();
  partition->snapshot = fmt::format("{}-{}-of-{}", ledger::kOrdersTopic, index, count);
  partition->log = snapshots_.load(partition->snapshot);
  return partition;
}

// The partitions whose snapshots the log turns out not to go on from: the batch's records of them
// are of no use, for they are read from the beginning.
std::set<std::int32_t> LedgerReader::torn_from_log(const client::Batch& batch) {
  std::set<std::int32_t> torn;
  const auto tear = [&](std::int32_t index, std::string_view why) {
    read_from_beginning(index, why);
    torn.insert(index);
  };
  for (const auto& record : batch.records()) {
    Partition& partition = *partitions_[static_cast<std::size_t>(record.partition)];
    if (!partition.log.at_seam) continue;
    const auto read = ledger::seam_at(record.offset, record.key, record.value);
    if (!partition.log.goes_on(read)) tear(record.partition, "the log has another record there");
  }
  for (const auto& end : batch.ends()) {
    if (partitions_[static_cast<std::size_t>(end.partition)]->log.at_seam) {
      tear(end.partition, "the log has no record there");
    }
  }
  return torn;
}

void LedgerReader::read_from_beginning(std::int32_t index, std::string_view why) {
  Partition& partition = *partitions_[static_cast<std::size_t>(index)];
  snapshots_.drop(partition.snapshot, why);
  const std::unique_lock lock(folds_mutex_);
  partition.log = ledger::FoldedLog();
}

void LedgerReader::keep_snapshots() {
  for (const auto& partition : partitions_) {
    snapshots_.keep(partition->snapshot, partition->log);
  }
}

bool LedgerReader::is_elsewhere(const std::string& sale) const {
  return std::ranges::any_of(
      partitions_, [&](const auto& each) { return each->log.sales_elsewhere.contains(sale); });
}

Result<void> LedgerReader::write_sales(std::int32_t index) {
  Partition& partition = *partitions_[static_cast<std::size_t>(index)];
  for (const auto& sale : options_.sales) {
    if (ledger::partition_of(sale.sale, log_.partition_count()) != index) continue;
    if (partition.log.fold.find_sale(sale.sale) != nullptr) continue;
    // Its orders would be there, too: to open it here would sell its stock once more.
    if (is_elsewhere(sale.sale)) {
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
Result<void> LedgerReader::advance_start() {
  bool complete = true;
  for (std::int32_t i = 0; i < log_.partition_count(); ++i) {
    Partition& partition = *partitions_[static_cast<std::size_t>(i)];
    if (partition.send_failed->exchange(false)) {
      partition.waiting_for_epoch = false;
      partition.sales_sent.clear();
    }
    // The watermark says it sooner; the report also when the end is no record, but a marker.
    const bool read = partition.log.fold.next_offset() >= partition.end_at_start;
    if (partition.log.at_seam || (!read && !at_end_.contains(i))) {
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
    const auto& fold = partitions_[static_cast<std::size_t>(index)]->log.fold;
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
    for (const auto& [id, state] : partition->log.fold.sales()) {
      stock_.add(state->definition, state->granted);
    }
    const ledger::SaleState* last = nullptr;
    SaleStock* stock = nullptr;
    partition->log.fold.for_each_order(
        [&](const ledger::PackedOrderId& id, const ledger::Order& order) {
          if (order.sale == nullptr) return;
          if (order.sale != last) stock = stock_.find(order.sale->definition.sale);
          last = order.sale;
          stock->follow(order.user, id, order.quantity, order.holds_units());
          units_due_.add(*stock, id, order);
        });
    for (const auto& [id, state] : partition->log.fold.sales()) {
      units_due_.tell(*stock_.find(id), partition->log.fold);
    }
  }
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

}  // namespace sluice::frontend
