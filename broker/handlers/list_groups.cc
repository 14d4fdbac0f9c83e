#include <utility>

#include "broker/handlers/handlers.h"

namespace sluice::broker {

Task<wire::ListGroupsResponse> handle_list_groups(const RequestContext& context,
                                                  wire::ListGroupsRequest request) {
  wire::ListGroupsResponse response;
  for (ListedGroup& group :
       context.broker.groups().coordinator().list(request.states_filter, request.types_filter)) {
    auto& answer = response.groups.emplace_back();
    answer.group_id = std::move(group.group_id);
    answer.protocol_type = std::move(group.protocol_type);
    answer.group_state = std::move(group.group_state);
    answer.group_type = std::move(group.group_type);
  }
  co_return response;
}

}  // namespace sluice::broker
