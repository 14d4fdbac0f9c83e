#include "broker/ctl/ledger_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "shared/ledger/codec.h"
#include "shared/ledger/order_id.h"
#include "shared/ledger/topic.h"

namespace sluice::ctl {

namespace {

constexpr std::size_t kBatchRecords = 5'000;
constexpr Millis kPoll{200};

Result<std::int32_t> partition_count(Context& context) {
  TRY(admin, context.admin());
  TRY(topics, admin->list_topics());
  const auto topic = std::ranges::find(topics, ledger::kOrdersTopic, &client::TopicInfo::name);
  if (topic == topics.end() || topic->partitions.empty()) {
    return fail(Code::not_found,
                fmt::format("there is no topic {} on {}: no sale was ever opened here",
                            ledger::kOrdersTopic, context.settings.bootstrap_servers));
  }
  return static_cast<std::int32_t>(topic->partitions.size());
}

void take(const client::Record& record, LedgerScan& scan, const LedgerVisitor& visit) {
  ledger::Fold& fold = scan.folds[record.partition];
  const auto event = ledger::decode(record.value.value_or(""));
  if (event) {
    visit(record, *event, fold.apply(record.offset, *event));
  } else {
    fold.skip(record.offset);
    ++scan.unreadable;
  }
}

}  // namespace

Result<LedgerTopic> LedgerTopic::open(Context& context, const std::set<std::string>& sales) {
  LedgerTopic topic(context);
  TRY(consumer, client::Consumer::open(context.settings, {.report_ends = true, .headers = false}));
  topic.consumer_ = std::move(consumer);
  TRY(count, ctl::partition_count(context));
  topic.partition_count_ = count;
  TRY_VOID(topic.assign(sales));
  return topic;
}

// From the first record that is kept.
Result<void> LedgerTopic::assign(const std::set<std::string>& sales) {
  const std::string topic(ledger::kOrdersTopic);
  std::set<std::int32_t> homes;
  for (const std::string& sale : sales) homes.insert(ledger::partition_of(sale, partition_count_));
  std::vector<client::TopicPartition> starts;
  for (std::int32_t partition = 0; partition < partition_count_; ++partition) {
    if (!homes.empty() && !homes.contains(partition)) continue;
    TRY(marks, consumer_->watermarks(topic, partition, context_->timeout()));
    if (marks.low > 0) {
      whole_ = false;
      context_->say(
          fmt::format("{}[{}] begins at offset {}: what was before it is gone, so the "
                      "numbers may be wrong",
                      topic, partition, marks.low));
    }
    starts.push_back({topic, partition, marks.low});
    next_[partition] = marks.low;
  }
  return consumer_->assign(starts);
}

Result<std::int64_t> LedgerTopic::read(const Take& take, Millis quiet) {
  const SystemClock clock;
  std::map<std::int32_t, std::int64_t> ends;  // of those that hold something new
  for (const auto& [partition, next] : next_) {
    TRY(marks,
        consumer_->watermarks(std::string(ledger::kOrdersTopic), partition, context_->timeout()));
    if (marks.high > next) ends[partition] = marks.high;
  }
  std::int64_t records = 0;
  const Instant quiet_until = clock.now() + quiet;
  Instant patience_ends = clock.now() + context_->timeout();
  while (!ends.empty() || (records == 0 && clock.now() < quiet_until)) {
    TRY(batch, consumer_->poll(kBatchRecords, kPoll));
    if (!batch.empty()) patience_ends = clock.now() + context_->timeout();
    for (const client::Record& record : batch.records()) {
      std::int64_t& next = next_[record.partition];
      if (record.offset < next) continue;
      next = record.offset + 1;
      ++records;
      take(record);
    }
    for (const client::TopicPartition& end : batch.ends()) {
      next_[end.partition] = std::max(next_[end.partition], end.offset);
    }
    std::erase_if(ends, [this](const auto& end) { return next_[end.first] >= end.second; });
    if (clock.now() >= patience_ends && !ends.empty()) {
      return fail(Code::timed_out,
                  fmt::format("reading {} stopped short of its end: nothing came for {} s",
                              ledger::kOrdersTopic, context_->timeout_seconds));
    }
  }
  return records;
}

Result<LedgerScan> scan_ledger(Context& context, const std::optional<std::string>& sale,
                               const LedgerVisitor& visit) {
  TRY(topic, LedgerTopic::open(context, sale ? std::set{*sale} : std::set<std::string>()));
  LedgerScan scan;
  TRY(records, topic.read([&](const client::Record& record) { take(record, scan, visit); }));
  static_cast<void>(records);
  if (scan.unreadable > 0) {
    context.say(
        fmt::format("{} records of {} are no events", scan.unreadable, ledger::kOrdersTopic));
  }
  return scan;
}

}  // namespace sluice::ctl
