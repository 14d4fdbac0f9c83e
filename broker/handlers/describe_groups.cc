#include <utility>

#include "broker/handlers/handlers.h"

namespace sluice::broker {

Task<wire::DescribeGroupsResponse> handle_describe_groups(const RequestContext& context,
                                                          wire::DescribeGroupsRequest request) {
  wire::DescribeGroupsResponse response;
  for (const auto& group_id : request.groups) {
    DescribedGroup group = context.broker.groups().coordinator().describe(group_id);
    auto& answer = response.groups.emplace_back();
    answer.group_id = group_id;
    // Up to version 5 a group that does not exist is Dead, without an error (KIP-1043 changed it).
    answer.error_code = group.error_code == wire::ErrorCode::group_id_not_found
                            ? wire::ErrorCode::none
                            : group.error_code;
    answer.group_state = std::move(group.group_state);
    answer.protocol_type = std::move(group.protocol_type);
    answer.protocol_data = std::move(group.protocol_data);
    for (auto& member : group.members) {
      auto& listed = answer.members.emplace_back();
      listed.member_id = std::move(member.member_id);
      listed.group_instance_id = std::move(member.group_instance_id);
      listed.client_id = std::move(member.client_id);
      listed.client_host = std::move(member.client_host);
      listed.member_metadata = std::move(member.member_metadata);
      listed.member_assignment = std::move(member.member_assignment);
    }
  }
  co_return response;
}

}  // namespace sluice::broker
