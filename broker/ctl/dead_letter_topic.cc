#include "broker/ctl/dead_letter_topic.h"

#include <fmt/format.h>

#include <algorithm>

#include "shared/base/clock.h"
#include "shared/ledger/topic.h"

namespace sluice::ctl {

namespace {

constexpr std::size_t kBatchRecords = 1'000;
constexpr Millis kPoll{200};

}  // namespace

Result<DeadLetterTopic> DeadLetterTopic::open(const Context& context, const std::string& name,
                                              std::int32_t partition) {
  DeadLetterTopic topic(context);
  TRY_VOID(topic.find_stretches(name, partition));
  TRY_VOID(topic.scan([&topic](const client::Record& record) {
    if (auto mark = mark_of(record)) topic.marks_.try_emplace(mark->letter, std::move(*mark));
    return true;
  }));
  return topic;
}

Result<void> DeadLetterTopic::find_stretches(const std::string& name, std::int32_t partition) {
  TRY(admin, context_->admin());
  TRY(topics, admin->list_topics());
  const auto topic = std::ranges::find(topics, name, &client::TopicInfo::name);
  if (topic == topics.end()) {
    return fail(Code::not_found,
                fmt::format("there is no topic {}: nothing failed there yet", name));
  }
  bool found = partition < 0;
  for (const client::PartitionInfo& info : topic->partitions) {
    if (partition >= 0 && partition != info.partition) continue;
    found = true;
    TRY(marks, admin->watermarks(name, info.partition));
    if (marks.low < marks.high)
      stretches_.push_back({{name, info.partition, marks.low}, marks.high});
  }
  if (found) return {};
  return fail(Code::not_found, fmt::format("topic {} has no partition {}", name, partition));
}

Result<void> DeadLetterTopic::read(const Visit& visit) {
  return scan([&](const client::Record& record) {
    if (mark_of(record)) return true;
    const DeadLetter letter = dead_letter_of(record);
    const auto mark = marks_.find(letter.id);
    return visit(letter, mark == marks_.end() ? nullptr : &mark->second);
  });
}

Result<void> DeadLetterTopic::scan(const Take& take) {
  // A new one each time: what an earlier scan of the same partition left unread, its end included,
  // must not pass for this one's. What retention takes away meanwhile is no error.
  TRY(consumer,
      client::Consumer::open(
          context_->settings,
          {.missing_offset = client::ConsumerOptions::Missing::earliest, .report_ends = true}));
  for (const Stretch& stretch : stretches_) {
    TRY(more, scan(*consumer, stretch, take));
    if (!more) break;
  }
  return {};
}

Result<bool> DeadLetterTopic::scan(client::Consumer& consumer, const Stretch& stretch,
                                   const Take& take) {
  TRY_VOID(consumer.assign(std::span(&stretch.start, 1)));
  const SystemClock clock;
  Instant patience_ends = clock.now() + context_->timeout();
  while (true) {
    TRY(batch, consumer.poll(kBatchRecords, kPoll));
    for (const client::Record& record : batch.records()) {
      if (record.partition != stretch.start.partition) continue;
      if (record.offset >= stretch.end) return true;
      if (!take(record)) return false;
      if (record.offset + 1 == stretch.end) return true;
    }
    // The last offsets may hold no record: compacted away, or of a transaction.
    for (const client::TopicPartition& end : batch.ends()) {
      if (end.partition == stretch.start.partition && end.offset >= stretch.end) return true;
    }
    if (!batch.empty()) {
      patience_ends = clock.now() + context_->timeout();
    } else if (clock.now() >= patience_ends) {
      return fail(Code::timed_out,
                  fmt::format("reading {} stopped short of its end: nothing came for {} s",
                              stretch.start.topic, context_->timeout_seconds));
    }
  }
}

Result<std::vector<std::string>> dead_letter_topics(const Context& context) {
  TRY(admin, context.admin());
  TRY(topics, admin->list_topics());
  std::vector<std::string> names;
  for (client::TopicInfo& topic : topics) {
    if (topic.name.starts_with(ledger::kDeadLetterPrefix)) names.push_back(std::move(topic.name));
  }
  return names;
}

}  // namespace sluice::ctl
