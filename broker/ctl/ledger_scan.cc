#include "broker/ctl/ledger_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

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

// The partitions to read, from the first record that is kept, and where each ends now.
struct Range {
  std::vector<client::TopicPartition> starts;
  std::map<std::int32_t, std::int64_t> ends;  // of those that hold anything
};

Result<Range> range_of(Context& context, client::Consumer& consumer,
                       const std::optional<std::string>& sale) {
  TRY(count, partition_count(context));
  Range range;
  const std::string topic(ledger::kOrdersTopic);
  for (std::int32_t partition = 0; partition < count; ++partition) {
    if (sale && partition != ledger::partition_of(*sale, count)) continue;
    TRY(marks, consumer.watermarks(topic, partition, context.timeout()));
    if (marks.low > 0) {
      context.say(
          fmt::format("{}[{}] begins at offset {}: what was before it is gone, so the "
                      "numbers may be wrong",
                      topic, partition, marks.low));
    }
    range.starts.push_back({topic, partition, marks.low});
    if (marks.high > marks.low) range.ends[partition] = marks.high;
  }
  return range;
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

Result<LedgerScan> scan_ledger(Context& context, const std::optional<std::string>& sale,
                               const LedgerVisitor& visit) {
  TRY(consumer, client::Consumer::open(context.settings, {.report_ends = true}));
  TRY(range, range_of(context, *consumer, sale));
  LedgerScan scan;
  for (const client::TopicPartition& partition : range.starts) scan.folds[partition.partition];
  TRY_VOID(consumer->assign(range.starts));

  const SystemClock clock;
  Instant patience_ends = clock.now() + context.timeout();
  while (!range.ends.empty()) {
    TRY(batch, consumer->poll(kBatchRecords, kPoll));
    if (!batch.empty()) patience_ends = clock.now() + context.timeout();
    for (const client::Record& record : batch.records()) {
      const auto end = range.ends.find(record.partition);
      if (end == range.ends.end()) continue;
      if (record.offset < end->second) take(record, scan, visit);
      if (record.offset + 1 >= end->second) range.ends.erase(end);
    }
    for (const client::TopicPartition& end : batch.ends()) range.ends.erase(end.partition);
    if (clock.now() >= patience_ends && !range.ends.empty()) {
      return fail(Code::timed_out,
                  fmt::format("reading {} stopped short of its end: nothing came for {} s",
                              ledger::kOrdersTopic, context.timeout_seconds));
    }
  }
  if (scan.unreadable > 0) {
    context.say(
        fmt::format("{} records of {} are no events", scan.unreadable, ledger::kOrdersTopic));
  }
  return scan;
}

}  // namespace sluice::ctl
