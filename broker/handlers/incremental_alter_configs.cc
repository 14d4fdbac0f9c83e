#include <string>
#include <utility>

#include <fmt/format.h>

#include "broker/handlers/handlers.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;
using Resource = wire::IncrementalAlterConfigsRequest::Resource;

constexpr std::int8_t kTopicResource = 2;

// AlterConfigOp.OpType of Kafka's clients.
enum class Operation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

Result<void> apply(TopicConfig& config, const Resource::Config& change) {
  switch (static_cast<Operation>(change.config_operation)) {
    case Operation::set:
      return config.set(change.name, change.value.value_or(""));
    case Operation::remove:
      return config.unset(change.name);
    case Operation::append:
    case Operation::subtract:
      break;
  }
  return fail(Code::invalid,
              fmt::format("{}: lists are not among the configurations here", change.name));
}

Task<TopicError> alter(Broker& broker, const Resource& resource, bool validate_only) {
  if (resource.resource_type != kTopicResource) {
    co_return TopicError{ErrorCode::invalid_request,
                         "only topics can be configured at run time; the broker's options are in "
                         "its configuration file"};
  }
  const Topic* topic = broker.topics().find(resource.resource_name);
  if (topic == nullptr) {
    co_return TopicError{ErrorCode::unknown_topic_or_partition,
                         fmt::format("topic {} does not exist", resource.resource_name)};
  }
  TopicConfig config = topic->config;
  for (const auto& change : resource.configs) {
    if (const auto applied = apply(config, change); !applied) {
      co_return TopicError{ErrorCode::invalid_config, applied.error().context};
    }
  }
  if (validate_only) co_return TopicError{};
  const bool removed = topic->config.key_index() && !config.key_index();
  const TopicError done =
      co_await broker.topics().reconfigure(resource.resource_name, std::move(config));
  if (done.code == ErrorCode::none) broker.topic_configured(removed);
  co_return done;
}

}  // namespace

// KIP-339. All changes of a resource are made, or none.
Task<wire::IncrementalAlterConfigsResponse> handle_incremental_alter_configs(
    const RequestContext& context, wire::IncrementalAlterConfigsRequest request) {
  wire::IncrementalAlterConfigsResponse response;
  for (const auto& resource : request.resources) {
    const TopicError altered = co_await alter(context.broker, resource, request.validate_only);
    auto& answer = response.responses.emplace_back();
    answer.resource_type = resource.resource_type;
    answer.resource_name = resource.resource_name;
    answer.error_code = altered.code;
    if (altered.code != ErrorCode::none) answer.error_message = altered.message;
  }
  co_return response;
}

}  // namespace sluice::broker
