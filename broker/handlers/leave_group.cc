#include <utility>

#include "broker/handlers/handlers.h"

namespace sluice::broker {

// Versions 0 to 2 carry one member outside of the list and get its error at the top (KIP-345).
Task<wire::LeaveGroupResponse> handle_leave_group(const RequestContext& context,
                                                  wire::LeaveGroupRequest request) {
  LeaveGroupRequest leave;
  leave.group_id = std::move(request.group_id);
  const bool single = context.version() < 3;
  if (single) leave.members.push_back({std::move(request.member_id), std::nullopt});
  for (auto& member : request.members) {
    leave.members.push_back({std::move(member.member_id), std::move(member.group_instance_id)});
  }
  LeaveGroupResponse left = context.broker.groups().leave(leave);

  wire::LeaveGroupResponse response;
  response.error_code = left.error_code;
  if (single && left.error_code == wire::ErrorCode::none && !left.members.empty()) {
    response.error_code = left.members.front().error_code;
  }
  for (auto& member : left.members) {
    auto& answer = response.members.emplace_back();
    answer.member_id = std::move(member.member_id);
    answer.group_instance_id = std::move(member.group_instance_id);
    answer.error_code = member.error_code;
  }
  co_return response;
}

}  // namespace sluice::broker
