#include <utility>

#include "broker/handlers/handlers.h"

namespace sluice::broker {

Task<wire::DeleteGroupsResponse> handle_delete_groups(const RequestContext& context,
                                                      wire::DeleteGroupsRequest request) {
  Broker& broker = context.broker;
  wire::DeleteGroupsResponse response;
  bool staged = false;
  for (auto& group_id : request.groups_names) {
    auto& answer = response.results.emplace_back();
    answer.error_code = broker.groups().remove(group_id);
    if (answer.error_code == wire::ErrorCode::none) {
      broker.offsets().stage_erase_group(group_id);
      staged = true;
    }
    answer.group_id = std::move(group_id);
  }
  if (!staged) co_return response;
  if (const auto done = co_await broker.committer().commit(); !done) {
    for (auto& answer : response.results) answer.error_code = wire::ErrorCode::kafka_storage_error;
  }
  co_return response;
}

}  // namespace sluice::broker
