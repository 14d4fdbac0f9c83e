#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/handlers/handlers.h"

namespace sluice::broker {
namespace {

template <class Answer>
void answer_partition(const CommittedOffset* committed, std::int32_t index, Answer& answer) {
  answer.partition_index = index;
  answer.committed_offset = -1;
  answer.metadata = "";
  if (committed == nullptr) return;
  answer.committed_offset = committed->offset;
  answer.committed_leader_epoch = committed->leader_epoch;
  answer.metadata = committed->metadata;
}

// The topics that were asked for, or all of the group's when `wanted` is null. The two wire forms
// of a topic (before version 8 and since) have the same members.
template <class Wanted, class Answer>
void answer_group(const Offsets& offsets, const std::string& group,
                  const std::optional<std::vector<Wanted>>& wanted, std::vector<Answer>& topics) {
  if (wanted) {
    for (const auto& topic : *wanted) {
      auto& answer = topics.emplace_back();
      answer.name = topic.name;
      for (const std::int32_t index : topic.partition_indexes) {
        answer_partition(offsets.find(group, {topic.name, index}), index,
                         answer.partitions.emplace_back());
      }
    }
    return;
  }
  const Offsets::Group* committed = offsets.find_group(group);
  if (committed == nullptr) return;
  for (const auto& [partition, offset] : *committed) {
    if (topics.empty() || topics.back().name != partition.first) {
      topics.emplace_back().name = partition.first;
    }
    answer_partition(&offset, partition.second, topics.back().partitions.emplace_back());
  }
}

}  // namespace

Task<wire::OffsetFetchResponse> handle_offset_fetch(const RequestContext& context,
                                                    wire::OffsetFetchRequest request) {
  const Offsets& offsets = context.broker.offsets();
  wire::OffsetFetchResponse response;
  if (context.version() < 8) {
    answer_group(offsets, request.group_id, request.topics, response.topics);
    co_return response;
  }
  for (const auto& group : request.groups) {
    auto& answer = response.groups.emplace_back();
    answer.group_id = group.group_id;
    answer_group(offsets, group.group_id, group.topics, answer.topics);
  }
  co_return response;
}

}  // namespace sluice::broker
