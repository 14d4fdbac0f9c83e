#include "broker/handlers/handlers.h"

namespace sluice::broker {
namespace {

constexpr std::int8_t kGroup = 0;

}  // namespace

// One broker coordinates everything. Transactional ids (key type 1) have no coordinator here yet.
Task<wire::FindCoordinatorResponse> handle_find_coordinator(const RequestContext& context,
                                                            wire::FindCoordinatorRequest request) {
  const Broker& broker = context.broker;
  const bool offered = request.key_type == kGroup;
  const auto error = offered ? wire::ErrorCode::none : wire::ErrorCode::invalid_request;
  const std::int32_t node = offered ? broker.options().node_id : -1;
  const std::string host = offered ? broker.host() : std::string();
  const std::int32_t port = offered ? broker.port() : -1;
  const std::optional<std::string> message =
      offered ? std::nullopt : std::optional<std::string>("only group coordinators are offered");

  wire::FindCoordinatorResponse response;
  response.error_code = error;
  response.error_message = message;
  response.node_id = node;
  response.host = host;
  response.port = port;
  for (auto& key : request.coordinator_keys) {  // version 4 and later (KIP-699)
    auto& coordinator = response.coordinators.emplace_back();
    coordinator.key = std::move(key);
    coordinator.node_id = node;
    coordinator.host = host;
    coordinator.port = port;
    coordinator.error_code = error;
    coordinator.error_message = message;
  }
  co_return response;
}

}  // namespace sluice::broker
