#include <utility>

#include "broker/handlers/handlers.h"

namespace sluice::broker {

Task<wire::JoinGroupResponse> handle_join_group(const RequestContext& context,
                                                wire::JoinGroupRequest request) {
  JoinGroupRequest join;
  join.api_version = context.version();
  join.group_id = std::move(request.group_id);
  join.session_timeout_ms = request.session_timeout_ms;
  join.rebalance_timeout_ms = request.rebalance_timeout_ms;
  join.member_id = std::move(request.member_id);
  join.group_instance_id = std::move(request.group_instance_id);
  join.client_id = context.client_id();
  join.client_host = context.client_host;
  join.protocol_type = std::move(request.protocol_type);
  for (auto& protocol : request.protocols) {
    join.protocols.push_back({std::move(protocol.name), std::move(protocol.metadata)});
  }
  JoinGroupResponse joined = co_await context.broker.groups().join(std::move(join));

  wire::JoinGroupResponse response;
  response.error_code = joined.error_code;
  response.generation_id = joined.generation_id;
  response.protocol_type = std::move(joined.protocol_type);
  response.protocol_name = std::move(joined.protocol_name);
  response.leader = std::move(joined.leader);
  response.skip_assignment = joined.skip_assignment;
  response.member_id = std::move(joined.member_id);
  for (auto& member : joined.members) {
    auto& listed = response.members.emplace_back();
    listed.member_id = std::move(member.member_id);
    listed.group_instance_id = std::move(member.group_instance_id);
    listed.metadata = std::move(member.metadata);
  }
  co_return response;
}

}  // namespace sluice::broker
