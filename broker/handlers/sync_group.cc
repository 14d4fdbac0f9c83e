#include <utility>

#include "broker/handlers/handlers.h"

namespace sluice::broker {

Task<wire::SyncGroupResponse> handle_sync_group(const RequestContext& context,
                                                wire::SyncGroupRequest request) {
  SyncGroupRequest sync;
  sync.group_id = std::move(request.group_id);
  sync.generation_id = request.generation_id;
  sync.member_id = std::move(request.member_id);
  sync.group_instance_id = std::move(request.group_instance_id);
  sync.protocol_type = std::move(request.protocol_type);
  sync.protocol_name = std::move(request.protocol_name);
  for (auto& assignment : request.assignments) {
    sync.assignments.push_back({std::move(assignment.member_id), std::move(assignment.assignment)});
  }
  SyncGroupResponse synced = co_await context.broker.groups().sync(std::move(sync));

  wire::SyncGroupResponse response;
  response.error_code = synced.error_code;
  response.protocol_type = std::move(synced.protocol_type);
  response.protocol_name = std::move(synced.protocol_name);
  response.assignment = std::move(synced.assignment);
  co_return response;
}

}  // namespace sluice::broker
