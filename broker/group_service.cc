#include "broker/group_service.h"

#include <utility>

#include <fmt/format.h>

namespace sluice::broker {
namespace {

constexpr auto kStopped = wire::ErrorCode::coordinator_not_available;

}  // namespace

GroupService::GroupService(CoordinatorOptions options, const Clock& clock, Random& random,
                           std::function<void()> deadline_changed)
    : coordinator_(options),
      clock_(clock),
      random_(random),
      deadline_changed_(std::move(deadline_changed)) {}

Task<JoinGroupResponse> GroupService::join(JoinGroupRequest request) {
  if (stopped_) co_return JoinGroupResponse{.error_code = kStopped};
  const ReplyToken token{next_token_++};
  OneShot<Reply> reply;
  parked_.emplace(token.value, &reply);
  deliver(coordinator_.join(clock_.now(), request, token, random_));
  co_return std::get<JoinGroupResponse>(co_await reply);
}

Task<SyncGroupResponse> GroupService::sync(SyncGroupRequest request) {
  if (stopped_) co_return SyncGroupResponse{.error_code = kStopped};
  const ReplyToken token{next_token_++};
  OneShot<Reply> reply;
  parked_.emplace(token.value, &reply);
  deliver(coordinator_.sync(clock_.now(), request, token));
  co_return std::get<SyncGroupResponse>(co_await reply);
}

HeartbeatResponse GroupService::heartbeat(const HeartbeatRequest& request) {
  const HeartbeatResponse response = coordinator_.heartbeat(clock_.now(), request);
  deadline_changed_();
  return response;
}

LeaveGroupResponse GroupService::leave(const LeaveGroupRequest& request) {
  auto [response, released] = coordinator_.leave(clock_.now(), request);
  deliver(std::move(released));
  return response;
}

wire::ErrorCode GroupService::check_commit(const CommitRequest& request) {
  return coordinator_.validate_commit(clock_.now(), request);
}

void GroupService::keep_for_offsets(const std::string& group_id) {
  coordinator_.restore_empty(clock_.now(), group_id, "");
}

wire::ErrorCode GroupService::remove(const std::string& group_id) {
  return coordinator_.delete_group(group_id);
}

void GroupService::tick(Instant now) {
  deliver(coordinator_.expire(now));
}

void GroupService::stop() {
  stopped_ = true;
  deliver(coordinator_.shut_down(clock_.now(), kStopped));
}

void GroupService::deliver(Actions actions) {
  deadline_changed_();
  for (auto& action : actions) {
    const auto parked = parked_.extract(action.token.value);
    if (!parked.empty()) parked.mapped()->set(std::move(action.response));
  }
}

}  // namespace sluice::broker
