#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "broker/handlers/handlers.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;
using Answer = wire::DescribeConfigsResponse::Result;
using Keys = std::optional<std::vector<std::string>>;

// ConfigResource.Type and ConfigEntry.ConfigSource of Kafka's clients.
constexpr std::int8_t kTopicResource = 2;
constexpr std::int8_t kBrokerResource = 4;
constexpr std::int8_t kSourceTopic = 1;
constexpr std::int8_t kSourceStaticBroker = 4;
constexpr std::int8_t kSourceDefault = 5;

bool wants(const Keys& keys, std::string_view name) {
  return !keys || std::ranges::find(*keys, name) != keys->end();
}

void add(Answer& answer, std::string_view name, std::string value, std::int8_t source,
         std::string_view documentation) {
  auto& config = answer.configs.emplace_back();
  config.name = name;
  config.value = std::move(value);
  config.is_default = source == kSourceDefault;
  config.config_source = source;
  if (!documentation.empty()) config.documentation = std::string(documentation);
}

void describe_topic(Broker& broker, const Keys& keys, bool documented, Answer& answer) {
  const Topic* topic = broker.topics().find(answer.resource_name);
  if (topic == nullptr) {
    answer.error_code = ErrorCode::unknown_topic_or_partition;
    answer.error_message = fmt::format("topic {} does not exist", answer.resource_name);
    return;
  }
  const auto& overrides = topic->config.overrides();
  for (const auto& known : TopicConfig::known()) {
    if (!wants(keys, known.name)) continue;
    const auto set = overrides.find(std::string(known.name));
    const bool is_default = set == overrides.end();
    add(answer, known.name, is_default ? std::string(known.default_value) : set->second,
        is_default ? kSourceDefault : kSourceTopic, documented ? known.documentation : "");
  }
}

void describe_broker(const Broker& broker, const Keys& keys, Answer& answer) {
  const BrokerOptions& options = broker.options();
  if (answer.resource_name != std::to_string(options.node_id)) {
    answer.error_code = ErrorCode::invalid_request;
    answer.error_message = fmt::format("this is broker {}", options.node_id);
    return;
  }
  const std::pair<std::string_view, std::string> configs[] = {
      {"auto.create.topics.enable", options.auto_create_topics ? "true" : "false"},
      {"broker.id", std::to_string(options.node_id)},
      {"fetch.max.bytes", std::to_string(options.fetch_bytes_max)},
      {"num.partitions", std::to_string(options.num_partitions)},
  };
  for (const auto& [name, value] : configs) {
    if (wants(keys, name)) add(answer, name, value, kSourceStaticBroker, "");
    if (!answer.configs.empty()) answer.configs.back().read_only = true;
  }
}

}  // namespace

Task<wire::DescribeConfigsResponse> handle_describe_configs(const RequestContext& context,
                                                            wire::DescribeConfigsRequest request) {
  wire::DescribeConfigsResponse response;
  for (const auto& resource : request.resources) {
    auto& answer = response.results.emplace_back();
    answer.resource_type = resource.resource_type;
    answer.resource_name = resource.resource_name;
    if (resource.resource_type == kTopicResource) {
      describe_topic(context.broker, resource.configuration_keys, request.include_documentation,
                     answer);
    } else if (resource.resource_type == kBrokerResource) {
      describe_broker(context.broker, resource.configuration_keys, answer);
    } else {
      answer.error_code = ErrorCode::invalid_request;
      answer.error_message =
          fmt::format("resource type {} has no configuration here", resource.resource_type);
    }
  }
  co_return response;
}

}  // namespace sluice::broker
