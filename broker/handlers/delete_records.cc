#include "broker/handlers/handlers.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;
using Partition = wire::DeleteRecordsResponse::Topic::Partition;

constexpr std::int64_t kHighWatermark = -1;

// True: something was staged.
bool trim(PartitionLog* log, std::int64_t wanted, Partition& answer) {
  if (log == nullptr) {
    answer.error_code = ErrorCode::unknown_topic_or_partition;
    return false;
  }
  const Offset offset = wanted == kHighWatermark ? log->high_watermark() : wanted;
  if (offset < 0 || offset > log->high_watermark()) {
    answer.error_code = ErrorCode::offset_out_of_range;
    return false;
  }
  const bool forgets = offset > log->log_start();
  if (forgets) log->trim(offset);
  answer.low_watermark = log->log_start();
  return forgets;
}

}  // namespace

// KIP-107. An offset below the log's start is no error: those records are gone already.
Task<wire::DeleteRecordsResponse> handle_delete_records(const RequestContext& context,
                                                        wire::DeleteRecordsRequest request) {
  Broker& broker = context.broker;
  wire::DeleteRecordsResponse response;
  bool staged = false;
  for (const auto& wanted_topic : request.topics) {
    const Topic* topic = broker.topics().find(wanted_topic.name);
    auto& topic_answer = response.topics.emplace_back();
    topic_answer.name = wanted_topic.name;
    for (const auto& wanted : wanted_topic.partitions) {
      auto& answer = topic_answer.partitions.emplace_back();
      answer.partition_index = wanted.partition_index;
      PartitionLog* log = topic ? topic->partition(wanted.partition_index) : nullptr;
      staged |= trim(log, wanted.offset, answer);
    }
  }
  if (!staged) co_return response;
  if (const auto done = co_await broker.committer().commit(); !done) {
    for (auto& topic : response.topics) {
      for (auto& partition : topic.partitions) {
        partition.error_code = ErrorCode::kafka_storage_error;
      }
    }
  }
  broker.collect_garbage();
  co_return response;
}

}  // namespace sluice::broker
