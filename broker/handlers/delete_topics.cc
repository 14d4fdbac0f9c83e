#include <utility>
#include <vector>

#include "broker/handlers/handlers.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;

Task<TopicError> remove(Broker& broker, std::string name) {
  std::vector<PartitionId> partitions;
  broker.offsets().stage_erase_topic(name);
  const TopicError removed = co_await broker.topics().remove(std::move(name), &partitions);
  for (const PartitionId partition : partitions) broker.partition_deleted(partition);
  broker.collect_garbage();
  co_return removed;
}

}  // namespace

Task<wire::DeleteTopicsResponse> handle_delete_topics(const RequestContext& context,
                                                      wire::DeleteTopicsRequest request) {
  Broker& broker = context.broker;
  for (auto& name : request.topic_names) request.topics.emplace_back().name = std::move(name);
  wire::DeleteTopicsResponse response;
  for (auto& wanted : request.topics) {
    auto& answer = response.responses.emplace_back();
    answer.name = wanted.name;
    answer.topic_id = wanted.topic_id;
    if (!wanted.name) {
      const Topic* topic = broker.topics().find_by_id(wanted.topic_id.view());
      if (topic == nullptr) {
        answer.error_code = ErrorCode::unknown_topic_id;
        continue;
      }
      answer.name = topic->name;
    }
    const TopicError removed = co_await remove(broker, *answer.name);
    answer.error_code = removed.code;
    if (removed.code != ErrorCode::none) answer.error_message = removed.message;
  }
  co_return response;
}

}  // namespace sluice::broker
