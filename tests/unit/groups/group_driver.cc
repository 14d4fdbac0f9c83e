#include "tests/unit/groups/group_driver.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <utility>

namespace sluice::broker {

GroupDriver::GroupDriver(CoordinatorOptions options) : coordinator(options) {}

CoordinatorOptions GroupDriver::quick() {
  return {.initial_rebalance_delay = Millis(0)};
}

void GroupDriver::advance(std::int64_t ms) {
  const Instant end = now + Millis(ms);
  while (coordinator.next_deadline() <= end) {
    now = std::max(now, coordinator.next_deadline());
    take(coordinator.expire(now));
  }
  now = end;
}

ReplyToken GroupDriver::join(const Joining& joining) {
  const ReplyToken token(++next_token_);
  take(coordinator.join(now,
                        {
                            .api_version = joining.api_version,
                            .group_id = joining.group_id,
                            .session_timeout_ms = joining.session_timeout_ms,
                            .rebalance_timeout_ms = joining.rebalance_timeout_ms,
                            .member_id = joining.member_id,
                            .group_instance_id = joining.group_instance_id,
                            .client_id = joining.client_id,
                            .client_host = "/127.0.0.1",
                            .protocol_type = joining.protocol_type,
                            .protocols = joining.protocols,
                        },
                        token, random_));
  return token;
}

std::string GroupDriver::join_dynamic(Joining joining, ReplyToken* token) {
  const ReplyToken asked = join(joining);
  REQUIRE(result(asked) == "member_id_required");
  joining.member_id = joined(asked)->member_id;
  const ReplyToken joined_token = join(joining);
  if (token) *token = joined_token;
  return joining.member_id;
}

ReplyToken GroupDriver::sync(const std::string& member_id, std::int32_t generation,
                             std::vector<SyncGroupRequest::Assignment> assignments,
                             std::optional<std::string> group_instance_id) {
  const ReplyToken token(++next_token_);
  take(coordinator.sync(now,
                        {
                            .group_id = "g",
                            .generation_id = generation,
                            .member_id = member_id,
                            .group_instance_id = std::move(group_instance_id),
                            .assignments = std::move(assignments),
                        },
                        token));
  return token;
}

wire::ErrorCode GroupDriver::heartbeat(const std::string& member_id, std::int32_t generation,
                                       std::optional<std::string> group_instance_id) {
  return coordinator.heartbeat(now, {"g", generation, member_id, std::move(group_instance_id)})
      .error_code;
}

std::vector<wire::ErrorCode> GroupDriver::leave(
    const std::vector<LeaveGroupRequest::MemberIdentity>& members) {
  auto [response, actions] = coordinator.leave(now, {"g", members});
  take(std::move(actions));
  std::vector<wire::ErrorCode> errors;
  for (const auto& member : response.members) errors.push_back(member.error_code);
  return errors;
}

wire::ErrorCode GroupDriver::commit(const std::string& member_id, std::int32_t generation,
                                    bool is_transactional,
                                    std::optional<std::string> group_instance_id) {
  return coordinator.validate_commit(
      now, {"g", generation, member_id, std::move(group_instance_id), is_transactional});
}

const JoinGroupResponse* GroupDriver::joined(ReplyToken token) const {
  auto at = replies_.find(token.value);
  return at == replies_.end() ? nullptr : &std::get<JoinGroupResponse>(at->second);
}

const SyncGroupResponse* GroupDriver::synced(ReplyToken token) const {
  auto at = replies_.find(token.value);
  return at == replies_.end() ? nullptr : &std::get<SyncGroupResponse>(at->second);
}

std::string GroupDriver::result(ReplyToken token) const {
  auto at = replies_.find(token.value);
  if (at == replies_.end()) return "parked";
  return std::string(
      std::visit([](const auto& response) { return name_of(response.error_code); }, at->second));
}

std::string GroupDriver::state(const std::string& group_id) const {
  return coordinator.describe(group_id).group_state;
}

std::vector<std::string> GroupDriver::stable(int count) {
  std::vector<std::string> ids;
  for (int i = 0; i < count; ++i) {
    ids.push_back(join_dynamic({}));
    settle(ids);
  }
  auto first = std::ranges::find(ids, leader());
  std::iter_swap(ids.begin(), first);
  return ids;
}

void GroupDriver::settle(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) {
    if (state() == "PreparingRebalance") join({.member_id = id});
  }
  REQUIRE(state() == "CompletingRebalance");
  std::vector<SyncGroupRequest::Assignment> assignments;
  for (const std::string& id : ids) assignments.push_back({id, id});
  for (const std::string& id : ids) {
    sync(id, generation(), id == leader() ? assignments : decltype(assignments){});
  }
  REQUIRE(state() == "Stable");
}

void GroupDriver::take(Actions actions) {
  for (GroupReply& reply : actions) {
    REQUIRE(reply.token.value <= next_token_);
    REQUIRE(replies_.emplace(reply.token.value, std::move(reply.response)).second);
  }
}

}  // namespace sluice::broker
