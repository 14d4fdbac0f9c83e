#include "broker/handlers/handlers.h"

namespace sluice::broker {

// KIP-700.
Task<wire::DescribeClusterResponse> handle_describe_cluster(const RequestContext& context,
                                                            wire::DescribeClusterRequest request) {
  const Broker& broker = context.broker;
  wire::DescribeClusterResponse response;
  response.endpoint_type = request.endpoint_type;
  if (request.endpoint_type != 1) {  // KIP-919: there are no separate controllers to describe
    response.error_code = wire::ErrorCode::unsupported_endpoint_type;
    co_return response;
  }
  response.cluster_id = broker.cluster_id();
  response.controller_id = broker.options().node_id;
  auto& self = response.brokers.emplace_back();
  self.broker_id = broker.options().node_id;
  self.host = broker.host();
  self.port = broker.port();
  co_return response;
}

}  // namespace sluice::broker
