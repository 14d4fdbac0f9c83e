#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "broker/delay/delay_split.h"
#include "broker/handlers/handlers.h"
#include "shared/base/fail_point.h"
#include "shared/wire/compression.h"
#include "shared/wire/record.h"
#include "shared/wire/record_batch.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;

// What the records of one compressed batch may become on the loop thread, which stands still
// meanwhile: some tens of milliseconds.
constexpr std::size_t kCheckedBytesMax = 32 << 20;

struct Refusal {
  ErrorCode code = ErrorCode::none;
  std::string message;
  std::int32_t record = -1;  // of the batch, when it is about one (KIP-467)
};

// Kafka's rules for what a client may append (ProduceRequest.validateRecords, LogValidator).
Refusal check_batch(ByteView records, const TopicConfig& config, std::int16_t version) {
  const auto batch = wire::RecordBatchView::at_front(records);
  if (!batch) {
    return {batch.error().code == Code::unsupported ? ErrorCode::invalid_record
                                                    : ErrorCode::corrupt_message,
            batch.error().context};
  }
  if (const auto valid = batch->validate(); !valid) {
    return {valid.error().code == Code::invalid ? ErrorCode::invalid_record
                                                : ErrorCode::corrupt_message,
            valid.error().context};
  }
  // A batch that lies about its records would stop every consumer at it.
  if (const auto walked = batch->validate_records(); !walked) {
    return {ErrorCode::invalid_record, walked.error().context};
  }
  if (batch->size() != records.size()) {
    return {ErrorCode::invalid_record, "a partition takes exactly one record batch a request"};
  }
  if (batch->size() > config.max_message_bytes()) {
    return {ErrorCode::message_too_large,
            fmt::format("the batch has {} bytes, max.message.bytes is {}", batch->size(),
                        config.max_message_bytes())};
  }
  if (config.key_index() && batch->record_count() > kIndexedRecordsMax) {
    return {ErrorCode::message_too_large,
            fmt::format("the batch has {} records, with a key index it may have {}",
                        batch->record_count(), kIndexedRecordsMax)};
  }
  if (batch->is_control()) {
    return {ErrorCode::invalid_record, "control batches are the broker's to write"};
  }
  if (batch->is_transactional()) {
    return {ErrorCode::invalid_txn_state, "transactions are not offered by this version"};
  }
  if (batch->compression() == wire::Compression::zstd && version < 7) {
    return {ErrorCode::unsupported_compression_type, "zstd needs Produce version 7"};
  }
  return {};
}

// Of a compacted topic: a record without a key could never be replaced (Kafka's LogValidator).
Refusal check_keys(const wire::RecordBatchView& batch, ByteView plain) {
  wire::RecordCursor cursor(batch, plain);
  wire::Record record;
  while (cursor.next(record)) {
    if (record.key) continue;
    return {ErrorCode::invalid_record, "the topic is compacted: every record needs a key"};
  }
  if (const auto walked = cursor.finish(); !walked) {
    return {ErrorCode::invalid_record, walked.error().context};
  }
  return {};
}

ErrorCode code_of(const Error& unreadable) {
  return unreadable.code == Code::too_large ? ErrorCode::message_too_large
                                            : ErrorCode::corrupt_message;
}

Refusal refusal_of(const SplitError& error) {
  Refusal refusal{ErrorCode::invalid_record, error.context, error.record};
  if (error.code == Code::too_large) refusal.code = ErrorCode::message_too_large;
  return refusal;
}

// What is only known of a batch that is opened; `split` is what is delayed of it.
// REQUIRES: check_batch() takes it.
Refusal open_batch(ByteView records, const TopicConfig& config, WallTime now, DelaySplit& split) {
  if (!config.compacts() && !config.delays()) return {};
  const auto batch = wire::RecordBatchView::at_front(records);
  Buffer storage;
  const auto plain = wire::plain_records(*batch, storage, kCheckedBytesMax);
  if (!plain) return {code_of(plain.error()), plain.error().context};
  if (config.compacts()) {
    if (auto refusal = check_keys(*batch, *plain); refusal.code != ErrorCode::none) return refusal;
  }
  if (!config.delays()) return {};
  auto parts = split_delayed(*batch, *plain, now, config.max_message_bytes());
  if (!parts) return refusal_of(parts.error());
  split = std::move(*parts);
  return {};
}

// One partition's part of the request.
struct Append {
  std::shared_ptr<PartitionLog> log;  // null: refused
  std::int64_t flush_messages = 1;
  PartitionLog::Staged staged;
};

Append refused(Refusal refusal, wire::ProduceResponse::Topic::Partition& answer) {
  if (refusal.record >= 0) answer.record_errors.push_back({refusal.record, refusal.message});
  if (!refusal.message.empty()) answer.error_message = std::move(refusal.message);
  return {.log = nullptr, .staged = {.answer = {.error = refusal.code}}};
}

Task<PartitionLog::Appended> commit(Append append) {
  if (!append.log) co_return append.staged.answer;
  co_return co_await append.log->commit(std::move(append.staged), append.flush_messages);
}

// Stages one partition's batch; `answer` says so when it is refused.
Append stage(Broker& broker, const Topic& topic, std::shared_ptr<PartitionLog> log,
             ByteView records, std::int16_t version,
             wire::ProduceResponse::Topic::Partition& answer) {
  const WallTime now = broker.clock().wall();
  DelaySplit split;
  Refusal refusal = check_batch(records, topic.config, version);
  if (refusal.code == ErrorCode::none) refusal = open_batch(records, topic.config, now, split);
  if (refusal.code != ErrorCode::none) return refused(std::move(refusal), answer);
  Append append{.log = std::move(log), .flush_messages = topic.config.flush_messages()};
  append.staged = split.delayed.empty() ? append.log->stage(Buffer(records), now)
                                        : append.log->stage_split(records, std::move(split), now);
  if (append.staged.answer.error == ErrorCode::policy_violation) {
    answer.error_message = fmt::format("this broker keeps at most {} delayed records",
                                       broker.options().delayed_records_max);
  }
  return append;
}

Append stage(const RequestContext& context, const Topic* topic,
             const wire::ProduceRequest::Topic::Partition& data, std::int16_t acks,
             wire::ProduceResponse::Topic::Partition& answer) {
  if (acks < -1 || acks > 1) {
    return refused({ErrorCode::invalid_required_acks, fmt::format("acks={}", acks)}, answer);
  }
  auto log = topic ? topic->share(data.index) : nullptr;
  if (!log) return refused({ErrorCode::unknown_topic_or_partition, {}}, answer);
  return stage(context.broker, *topic, std::move(log), data.records.value_or(ByteView()),
               context.version(), answer);
}

}  // namespace

Task<wire::ProduceResponse> handle_produce(const RequestContext& context,
                                           wire::ProduceRequest request) {
  wire::ProduceResponse response;
  std::vector<Append> appends;
  for (const auto& topic_data : request.topic_data) {
    const Topic* topic = context.broker.topics().find(topic_data.name);
    auto& topic_response = response.responses.emplace_back();
    topic_response.name = topic_data.name;
    for (const auto& data : topic_data.partition_data) {
      auto& answer = topic_response.partition_responses.emplace_back();
      answer.index = data.index;
      appends.push_back(stage(context, topic, data, request.acks, answer));
    }
  }
  FAIL_POINT("produce-staged");
  // All partitions are staged before the first commit, so that one write carries the request.
  std::vector<Task<PartitionLog::Appended>> commits;
  for (Append& append : appends) commits.push_back(commit(std::move(append)));
  auto done = commits.begin();
  for (auto& topic_response : response.responses) {
    for (auto& partition_response : topic_response.partition_responses) {
      const PartitionLog::Appended appended = co_await *done++;
      partition_response.error_code = appended.error;
      partition_response.base_offset = appended.base_offset;
      partition_response.log_start_offset = appended.log_start;
    }
  }
  FAIL_POINT("produce-committed");
  co_return response;
}

}  // namespace sluice::broker
