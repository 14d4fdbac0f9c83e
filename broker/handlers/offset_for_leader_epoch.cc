#include "broker/handlers/handlers.h"

namespace sluice::broker {

// There is one leader and it never changes: epoch 0 ends at the high watermark (KIP-101, KIP-320).
Task<wire::OffsetForLeaderEpochResponse> handle_offset_for_leader_epoch(
    const RequestContext& context, wire::OffsetForLeaderEpochRequest request) {
  wire::OffsetForLeaderEpochResponse response;
  for (const auto& wanted_topic : request.topics) {
    const Topic* topic = context.broker.topics().find(wanted_topic.topic);
    auto& topic_answer = response.topics.emplace_back();
    topic_answer.topic = wanted_topic.topic;
    for (const auto& wanted : wanted_topic.partitions) {
      const PartitionLog* log = topic ? topic->partition(wanted.partition) : nullptr;
      auto& answer = topic_answer.partitions.emplace_back();
      answer.partition = wanted.partition;
      if (log == nullptr) {
        answer.error_code = wire::ErrorCode::unknown_topic_or_partition;
      } else if (wanted.current_leader_epoch > 0) {
        answer.error_code = wire::ErrorCode::unknown_leader_epoch;
      } else if (wanted.leader_epoch >= 0) {
        answer.leader_epoch = 0;
        answer.end_offset = log->high_watermark();
      }
    }
  }
  co_return response;
}

}  // namespace sluice::broker
