#include <utility>

#include "broker/handlers/handlers.h"

namespace sluice::broker {

Task<wire::HeartbeatResponse> handle_heartbeat(const RequestContext& context,
                                               wire::HeartbeatRequest request) {
  HeartbeatRequest heartbeat;
  heartbeat.group_id = std::move(request.group_id);
  heartbeat.generation_id = request.generation_id;
  heartbeat.member_id = std::move(request.member_id);
  heartbeat.group_instance_id = std::move(request.group_instance_id);
  wire::HeartbeatResponse response;
  response.error_code = context.broker.groups().heartbeat(heartbeat).error_code;
  co_return response;
}

}  // namespace sluice::broker
