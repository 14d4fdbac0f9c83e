#include <set>
#include <utility>

#include <fmt/format.h>

#include "broker/handlers/handlers.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;
using Wanted = wire::CreateTopicsRequest::Topic;

TopicError refuse(ErrorCode code, std::string message) {
  return {code, std::move(message)};
}

// How many partitions: the number, or the manual assignment's length, or the broker's default (-1).
Result<std::int32_t> partition_count(const Broker& broker, const Wanted& wanted) {
  if (wanted.assignments.empty()) {
    return wanted.num_partitions == -1 ? broker.options().num_partitions : wanted.num_partitions;
  }
  if (wanted.num_partitions != -1) {
    return fail(Code::invalid, "num_partitions must be -1 beside a manual assignment");
  }
  for (const auto& assignment : wanted.assignments) {
    if (assignment.broker_ids != std::vector{broker.options().node_id}) {
      return fail(Code::invalid, fmt::format("this broker, {}, is the only replica there is",
                                             broker.options().node_id));
    }
  }
  return static_cast<std::int32_t>(wanted.assignments.size());
}

Task<TopicError> create(Broker& broker, const Wanted& wanted, bool validate_only,
                        std::int32_t* partitions) {
  if (wanted.replication_factor != -1 && wanted.replication_factor != 1) {
    co_return refuse(
        ErrorCode::invalid_replication_factor,
        fmt::format("replication factor {}: there is one broker", wanted.replication_factor));
  }
  const auto count = partition_count(broker, wanted);
  if (!count) co_return refuse(ErrorCode::invalid_replica_assignment, count.error().context);
  TopicConfig config;
  for (const auto& [name, value] : wanted.configs) {
    if (const auto set = config.set(name, value.value_or("")); !set) {
      co_return refuse(ErrorCode::invalid_config, set.error().context);
    }
  }
  *partitions = *count;
  if (validate_only) co_return broker.topics().check_new(wanted.name, *count);
  co_return co_await broker.topics().create(wanted.name, *count, std::move(config));
}

}  // namespace

Task<wire::CreateTopicsResponse> handle_create_topics(const RequestContext& context,
                                                      wire::CreateTopicsRequest request) {
  Broker& broker = context.broker;
  wire::CreateTopicsResponse response;
  std::multiset<std::string> names;
  for (const auto& wanted : request.topics) names.insert(wanted.name);
  for (const auto& wanted : request.topics) {
    TopicError created;
    std::int32_t partitions = -1;
    if (names.count(wanted.name) > 1) {
      created = refuse(ErrorCode::invalid_request, "the request names this topic twice");
    } else {
      created = co_await create(broker, wanted, request.validate_only, &partitions);
    }
    auto& answer = response.topics.emplace_back();
    answer.name = wanted.name;
    answer.error_code = created.code;
    if (created.code != ErrorCode::none) {
      answer.error_message = created.message;
      continue;
    }
    answer.num_partitions = partitions;
    answer.replication_factor = 1;
    answer.configs.emplace();
    if (const Topic* topic = broker.topics().find(wanted.name)) {
      answer.topic_id = wire::Uuid::from(topic->id);
    }
  }
  co_return response;
}

}  // namespace sluice::broker
