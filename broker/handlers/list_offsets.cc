#include "broker/handlers/handlers.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;
using Partition = wire::ListOffsetsResponse::Topic::Partition;

// Special timestamps (ListOffsetsRequest.java).
constexpr std::int64_t kLatest = -1;
constexpr std::int64_t kEarliest = -2;
constexpr std::int64_t kMaxTimestamp = -3;

Task<void> look_up(std::shared_ptr<PartitionLog> log, std::int64_t timestamp, Partition& answer) {
  if (timestamp == kLatest) {
    answer.offset = log->high_watermark();
    co_return;
  }
  if (timestamp == kEarliest) {
    answer.offset = log->log_start();
    co_return;
  }
  if (timestamp < kMaxTimestamp) {
    answer.error_code = ErrorCode::unsupported_version;
    co_return;
  }
  auto found = timestamp == kMaxTimestamp ? co_await log->find_max_timestamp()
                                          : co_await log->find_timestamp(timestamp);
  if (!found) {
    answer.error_code = ErrorCode::kafka_storage_error;
    co_return;
  }
  answer.offset = found->offset;
  answer.timestamp = found->timestamp;
}

}  // namespace

Task<wire::ListOffsetsResponse> handle_list_offsets(const RequestContext& context,
                                                    wire::ListOffsetsRequest request) {
  wire::ListOffsetsResponse response;
  for (const auto& wanted_topic : request.topics) {
    response.topics.emplace_back().name = wanted_topic.name;
    for (const auto& wanted : wanted_topic.partitions) {
      const Topic* topic = context.broker.topics().find(wanted_topic.name);
      auto log = topic ? topic->share(wanted.partition_index) : nullptr;
      auto& answer = response.topics.back().partitions.emplace_back();
      answer.partition_index = wanted.partition_index;
      if (!log) {
        answer.error_code = ErrorCode::unknown_topic_or_partition;
      } else if (wanted.current_leader_epoch > 0) {
        answer.error_code = ErrorCode::unknown_leader_epoch;
      } else {
        co_await look_up(std::move(log), wanted.timestamp, answer);
        if (answer.error_code == ErrorCode::none) answer.leader_epoch = 0;
        if (context.version() == 0 && answer.offset >= 0) {
          answer.old_style_offsets.push_back(answer.offset);
        }
      }
    }
  }
  co_return response;
}

}  // namespace sluice::broker
