#include <utility>

#include "broker/handlers/handlers.h"
#include "shared/base/fail_point.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;

ErrorCode stage(Broker& broker, const std::string& group, const std::string& topic_name,
                wire::OffsetCommitRequest::Topic::Partition& wanted) {
  const Topic* topic = broker.topics().find(topic_name);
  if (topic == nullptr || topic->partition(wanted.partition_index) == nullptr) {
    return ErrorCode::unknown_topic_or_partition;
  }
  CommittedOffset offset;
  offset.offset = wanted.committed_offset;
  offset.leader_epoch = wanted.committed_leader_epoch;
  offset.metadata = std::move(wanted.committed_metadata).value_or("");
  offset.committed_at = broker.clock().wall();
  const auto staged =
      broker.offsets().stage(group, {topic_name, wanted.partition_index}, std::move(offset));
  if (staged) return ErrorCode::none;
  return staged.error().code == Code::too_large ? ErrorCode::offset_metadata_too_large
                                                : ErrorCode::policy_violation;
}

}  // namespace

Task<wire::OffsetCommitResponse> handle_offset_commit(const RequestContext& context,
                                                      wire::OffsetCommitRequest request) {
  Broker& broker = context.broker;
  const CommitRequest commit{.group_id = request.group_id,
                             .generation_id_or_member_epoch = request.generation_id_or_member_epoch,
                             .member_id = request.member_id,
                             .group_instance_id = request.group_instance_id};
  const ErrorCode refusal = broker.groups().check_commit(commit);
  wire::OffsetCommitResponse response;
  bool staged = false;
  for (auto& topic : request.topics) {
    auto& topic_response = response.topics.emplace_back();
    topic_response.name = topic.name;
    for (auto& partition : topic.partitions) {
      auto& answer = topic_response.partitions.emplace_back();
      answer.partition_index = partition.partition_index;
      answer.error_code = refusal != ErrorCode::none
                              ? refusal
                              : stage(broker, request.group_id, topic.name, partition);
      staged |= answer.error_code == ErrorCode::none;
    }
  }
  if (!staged) co_return response;
  FAIL_POINT("offsets-staged");
  if (const auto done = co_await broker.committer().commit(); !done) {
    for (auto& topic : response.topics) {
      for (auto& partition : topic.partitions) {
        partition.error_code = ErrorCode::kafka_storage_error;
      }
    }
  }
  FAIL_POINT("offsets-committed");
  broker.groups().keep_for_offsets(request.group_id);
  co_return response;
}

}  // namespace sluice::broker
