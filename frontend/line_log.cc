#include "frontend/line_log.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include <fmt/format.h>

#include "shared/client/admin.h"
#include "shared/client/consumer.h"

namespace sluice::frontend {
namespace {

constexpr Millis kAdminTimeout{2'000};
constexpr Millis kReadTimeout{5'000};
// Longer than the producer takes to give a record up.
constexpr Millis kSendTimeout{2'000};
constexpr Millis kFlushTimeout{3'000};
constexpr std::size_t kBatchRecords = 4'096;

}  // namespace

Result<void> LineLog::find_or_create_topic() const {
  TRY(admin, client::Admin::open(settings_, kAdminTimeout));
  TRY(topics, admin->list_topics());
  if (std::ranges::find(topics, kWaitingTopic, &client::TopicInfo::name) != topics.end()) return {};
  return admin->create_topic({.name = std::string(kWaitingTopic),
                              .partitions = 1,
                              .configs = {{"cleanup.policy", "compact"}}});
}

Result<LineLog::Records> LineLog::read_all() const {
  client::ConsumerOptions options;
  options.report_ends = true;
  options.missing_offset = client::ConsumerOptions::Missing::earliest;
  TRY(consumer, client::Consumer::open(settings_, std::move(options)));
  const std::string topic(kWaitingTopic);
  TRY(marks, consumer->watermarks(topic, 0, kReadTimeout));
  Records records;
  if (marks.high == marks.low) return records;
  const std::vector<client::TopicPartition> whole{{topic, 0, marks.low}};
  TRY_VOID(consumer->assign(whole));
  while (true) {
    TRY(batch, consumer->poll(kBatchRecords, kReadTimeout));
    if (batch.empty())
      return fail(Code::timed_out, fmt::format("{} was not read to its end", topic));
    for (const client::Record& record : batch.records()) {
      if (!record.value) {  // an operator had the line begin anew
        records.erase(std::string(record.key.value_or(ByteView())));
        continue;
      }
      auto line = decode_line_record(*record.value);
      if (!line) {
        return fail(Code::corrupt, fmt::format("{} [0] offset {}: {}", topic, record.offset,
                                               line.error().context));
      }
      records.insert_or_assign(std::string(record.key.value_or(ByteView())), std::move(*line));
    }
    // The end of now: who wrote before us wrote below it.
    if (std::ranges::any_of(batch.ends(),
                            [&](const auto& end) { return end.offset >= marks.high; })) {
      return records;
    }
  }
}

Result<LineLog::Records> LineLog::open() {
  TRY_VOID(find_or_create_topic());
  if (producer_ == nullptr) {
    TRY(producer, client::Producer::open(settings_, {.message_timeout = kSendTimeout,
                                                     .request_timeout = kSendTimeout}));
    producer_ = std::move(producer);
  }
  return read_all();
}

std::vector<bool> LineLog::write(std::span<const Entry> entries) {
  // Reports may come after the wait is over.
  const auto durable = std::make_shared<std::vector<std::atomic<bool>>>(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    client::ProduceRecord record;
    record.topic = std::string(kWaitingTopic);
    record.partition = 0;
    record.key = entries[i].sale;
    record.value = encode(entries[i].record);
    // What cannot even be sent stays false.
    static_cast<void>(
        producer_->send(std::move(record), [durable, i](const client::Delivery& delivery) {
          (*durable)[i] = delivery.outcome == client::Outcome::persisted;
        }));
  }
  // What has no outcome by then stays false, too.
  static_cast<void>(producer_->flush(kFlushTimeout));
  return {durable->begin(), durable->end()};
}

}  // namespace sluice::frontend
