#include <utility>

#include "broker/handlers/handlers.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;
using TopicAnswer = wire::MetadataResponse::Topic;

void describe(const Broker& broker, const Topic& topic, TopicAnswer& answer) {
  answer.name = topic.name;
  answer.topic_id = wire::Uuid::from(topic.id);
  const std::int32_t node = broker.options().node_id;
  for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
    auto& partition = answer.partitions.emplace_back();
    partition.partition_index = static_cast<std::int32_t>(i);
    partition.leader_id = node;
    partition.leader_epoch = 0;
    partition.replica_nodes = {node};
    partition.isr_nodes = {node};
  }
}

// A topic asked for by name: known, made on the spot, or refused.
Task<void> find_or_create(Broker& broker, std::string name, bool may_create, TopicAnswer& answer) {
  answer.name = name;
  const bool create = may_create && broker.options().auto_create_topics;
  if (broker.topics().find(name) == nullptr) {
    if (!create) {
      answer.error_code = ErrorCode::unknown_topic_or_partition;
      co_return;
    }
    const TopicError created =
        co_await broker.topics().create(name, broker.options().num_partitions, {});
    if (created.code != ErrorCode::none && created.code != ErrorCode::topic_already_exists) {
      answer.error_code = created.code;
      co_return;
    }
  }
  const Topic* topic = broker.topics().find(name);
  if (topic == nullptr) {
    answer.error_code = ErrorCode::leader_not_available;  // deleted meanwhile: ask again
    co_return;
  }
  describe(broker, *topic, answer);
}

void find_by_id(Broker& broker, const wire::Uuid& id, TopicAnswer& answer) {
  answer.topic_id = id;
  const Topic* topic = broker.topics().find_by_id(id.view());
  if (topic == nullptr) {
    answer.error_code = ErrorCode::unknown_topic_id;
    return;
  }
  describe(broker, *topic, answer);
}

}  // namespace

Task<wire::MetadataResponse> handle_metadata(const RequestContext& context,
                                             wire::MetadataRequest request) {
  Broker& broker = context.broker;
  wire::MetadataResponse response;
  response.cluster_id = broker.cluster_id();
  response.controller_id = broker.options().node_id;
  auto& self = response.brokers.emplace_back();
  self.node_id = broker.options().node_id;
  self.host = broker.host();
  self.port = broker.port();
  // Version 0 cannot say null: there an empty list means all.
  const bool all = !request.topics || (context.version() == 0 && request.topics->empty());
  if (all) {
    for (const auto& [name, topic] : broker.topics().all()) {
      describe(broker, *topic, response.topics.emplace_back());
    }
    co_return response;
  }
  response.topics.resize(request.topics->size());
  for (std::size_t i = 0; i < request.topics->size(); ++i) {
    auto& wanted = (*request.topics)[i];
    if (wanted.name) {
      co_await find_or_create(broker, std::move(*wanted.name), request.allow_auto_topic_creation,
                              response.topics[i]);
    } else {
      find_by_id(broker, wanted.topic_id, response.topics[i]);
    }
  }
  co_return response;
}

}  // namespace sluice::broker
