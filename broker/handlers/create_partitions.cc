#include "broker/handlers/handlers.h"

namespace sluice::broker {

// KIP-195. A manual assignment can only name this broker, so it is not looked at.
Task<wire::CreatePartitionsResponse> handle_create_partitions(
    const RequestContext& context, wire::CreatePartitionsRequest request) {
  Broker& broker = context.broker;
  wire::CreatePartitionsResponse response;
  for (const auto& wanted : request.topics) {
    const TopicError grown = request.validate_only
                                 ? broker.topics().check_growth(wanted.name, wanted.count)
                                 : co_await broker.topics().grow(wanted.name, wanted.count);
    auto& answer = response.results.emplace_back();
    answer.name = wanted.name;
    answer.error_code = grown.code;
    if (grown.code != wire::ErrorCode::none) answer.error_message = grown.message;
  }
  co_return response;
}

}  // namespace sluice::broker
