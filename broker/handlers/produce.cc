#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "broker/handlers/handlers.h"
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
Refusal check_keys(ByteView records, const TopicConfig& config) {
  if (!config.compacts()) return {};
  const auto batch = wire::RecordBatchView::at_front(records);
  Buffer storage;
  const auto plain = wire::plain_records(*batch, storage, kCheckedBytesMax);
  if (!plain) {
    return {plain.error().code == Code::too_large ? ErrorCode::message_too_large
                                                  : ErrorCode::corrupt_message,
            plain.error().context};
  }
  wire::RecordCursor cursor(*batch, *plain);
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

// One partition's part of the request.
struct Append {
  std::shared_ptr<PartitionLog> log;  // null: refused
  std::int64_t flush_messages = 1;
  PartitionLog::Staged staged;
};

Task<PartitionLog::Appended> commit(Append append) {
  if (!append.log) co_return append.staged.answer;
  co_return co_await append.log->commit(std::move(append.staged), append.flush_messages);
}

}  // namespace

Task<wire::ProduceResponse> handle_produce(const RequestContext& context,
                                           wire::ProduceRequest request) {
  Broker& broker = context.broker;
  wire::ProduceResponse response;
  std::vector<Append> appends;
  const bool acks_known = request.acks >= -1 && request.acks <= 1;
  for (const auto& topic_data : request.topic_data) {
    const Topic* topic = broker.topics().find(topic_data.name);
    auto& topic_response = response.responses.emplace_back();
    topic_response.name = topic_data.name;
    for (const auto& data : topic_data.partition_data) {
      auto& partition_response = topic_response.partition_responses.emplace_back();
      partition_response.index = data.index;
      auto log = topic ? topic->share(data.index) : nullptr;
      Refusal refusal;
      if (!acks_known) {
        refusal = {ErrorCode::invalid_required_acks, fmt::format("acks={}", request.acks)};
      } else if (!log) {
        refusal = {ErrorCode::unknown_topic_or_partition, {}};
      } else {
        const ByteView records = data.records.value_or(ByteView());
        refusal = check_batch(records, topic->config, context.version());
        if (refusal.code == ErrorCode::none) refusal = check_keys(records, topic->config);
      }
      if (refusal.code != ErrorCode::none) {
        if (!refusal.message.empty()) partition_response.error_message = refusal.message;
        appends.push_back({.staged = {.answer = {.error = refusal.code}}});
        continue;
      }
      auto staged = log->stage(Buffer(*data.records), broker.clock().wall());
      appends.push_back({std::move(log), topic->config.flush_messages(), std::move(staged)});
    }
  }
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
  co_return response;
}

}  // namespace sluice::broker
