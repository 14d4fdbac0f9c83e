#include "broker/groups/coordinator.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace sluice::broker {

using wire::ErrorCode;

namespace {

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  });
}

bool passes(const std::vector<std::string>& filter, std::string_view value) {
  return filter.empty() || std::ranges::any_of(filter, [value](const std::string& wanted) {
           return equal_ignoring_case(wanted, value);
         });
}

}  // namespace

Coordinator::Coordinator(CoordinatorOptions options) : options_(std::move(options)) {}

Actions Coordinator::join(Instant now, const JoinGroupRequest& request, ReplyToken token,
                          Random& random) {
  Actions out;
  ErrorCode error = validate_join(request);
  Group* group = nullptr;
  if (error == ErrorCode::none) {
    const bool is_new = request.member_id.empty();
    group = is_new ? find_or_create(now, request.group_id) : find_group(request.group_id);
    if (group == nullptr) {
      error = is_new ? ErrorCode::coordinator_not_available : ErrorCode::unknown_member_id;
    }
  }
  if (group == nullptr) {
    out.push_back({token, JoinGroupResponse{.error_code = error, .member_id = request.member_id}});
    return out;
  }
  group->join(now, request, token, random, out);
  index(request.group_id, *group);
  return out;
}

Actions Coordinator::sync(Instant now, const SyncGroupRequest& request, ReplyToken token) {
  Actions out;
  Group* group = is_valid(request.group_id) ? find_group(request.group_id) : nullptr;
  if (group == nullptr) {
    const ErrorCode error =
        is_valid(request.group_id) ? ErrorCode::unknown_member_id : ErrorCode::invalid_group_id;
    out.push_back({token, SyncGroupResponse{.error_code = error}});
    return out;
  }
  group->sync(now, request, token, out);
  index(request.group_id, *group);
  return out;
}

HeartbeatResponse Coordinator::heartbeat(Instant now, const HeartbeatRequest& request) {
  if (!is_valid(request.group_id)) return {ErrorCode::invalid_group_id};
  Group* group = find_group(request.group_id);
  if (group == nullptr) return {ErrorCode::unknown_member_id};
  const HeartbeatResponse response = group->heartbeat(now, request);
  index(request.group_id, *group);
  return response;
}

std::pair<LeaveGroupResponse, Actions> Coordinator::leave(Instant now,
                                                          const LeaveGroupRequest& request) {
  if (!is_valid(request.group_id)) return {{.error_code = ErrorCode::invalid_group_id}, {}};
  Group* group = find_group(request.group_id);
  if (group == nullptr) {
    LeaveGroupResponse response;
    for (const auto& [member_id, group_instance_id] : request.members) {
      response.members.push_back({member_id, group_instance_id, ErrorCode::unknown_member_id});
    }
    return {std::move(response), {}};
  }
  Actions out;
  LeaveGroupResponse response = group->leave(now, request, out);
  index(request.group_id, *group);
  return {std::move(response), std::move(out)};
}

ErrorCode Coordinator::validate_commit(Instant now, const CommitRequest& request) {
  // Unlike the others, commits are served for the empty group id, as ever in Kafka.
  if (request.group_id.size() > options_.group_id_bytes_max) return ErrorCode::invalid_group_id;
  Group* group = find_group(request.group_id);
  if (group == nullptr) {
    const bool claims_generation = request.generation_id_or_member_epoch >= 0;
    if (claims_generation) return ErrorCode::illegal_generation;
    return groups_.size() < options_.groups_max ? ErrorCode::none
                                                : ErrorCode::coordinator_not_available;
  }
  const ErrorCode error = group->validate_commit(now, request);
  index(request.group_id, *group);
  return error;
}

void Coordinator::restore_empty(Instant now, const std::string& group_id,
                                const std::string& protocol_type) {
  auto [at, added] = groups_.try_emplace(group_id);
  if (added) {
    at->second = std::make_unique<Group>(group_id, options_, now);
    if (!protocol_type.empty()) at->second->set_protocol_type(protocol_type);
  }
  at->second->set_holds_offsets(now, true);
  index(group_id, *at->second);
}

void Coordinator::forget_offsets(Instant now, const std::string& group_id) {
  Group* group = find_group(group_id);
  if (group == nullptr) return;
  group->set_holds_offsets(now, false);
  index(group_id, *group);
}

DescribedGroup Coordinator::describe(const std::string& group_id) const {
  const Group* group = find(group_id);
  if (group != nullptr) return group->describe();
  return {.error_code = ErrorCode::group_id_not_found, .group_id = group_id, .group_state = "Dead"};
}

std::vector<ListedGroup> Coordinator::list(const std::vector<std::string>& states_filter,
                                           const std::vector<std::string>& types_filter) const {
  std::vector<ListedGroup> listed;
  for (const auto& [group_id, group] : groups_) {
    ListedGroup entry = group->list();
    if (!passes(states_filter, entry.group_state)) continue;
    if (!passes(types_filter, entry.group_type)) continue;
    listed.push_back(std::move(entry));
  }
  return listed;
}

ErrorCode Coordinator::delete_group(const std::string& group_id) {
  const Group* group = find(group_id);
  if (group == nullptr) return ErrorCode::group_id_not_found;
  if (group->state() != GroupState::empty) return ErrorCode::non_empty_group;
  deadlines_.cancel(group_id);
  groups_.erase(group_id);
  return ErrorCode::none;
}

Actions Coordinator::expire(Instant now) {
  Actions out;
  while (deadlines_.next() <= now) {
    const auto group_id = deadlines_.pop_first(now);
    if (!group_id) continue;
    Group& group = *find_group(*group_id);
    group.expire(now, out);
    if (group.is_dead()) {
      groups_.erase(*group_id);
    } else {
      index(*group_id, group);
    }
  }
  return out;
}

Actions Coordinator::shut_down(Instant now, ErrorCode error) {
  Actions out;
  for (const auto& [group_id, group] : groups_) {
    group->disband(now, error, out);
    index(group_id, *group);
  }
  return out;
}

const Group* Coordinator::find(const std::string& group_id) const {
  auto at = groups_.find(group_id);
  return at == groups_.end() ? nullptr : at->second.get();
}

Group* Coordinator::find_group(const std::string& group_id) {
  auto at = groups_.find(group_id);
  return at == groups_.end() ? nullptr : at->second.get();
}

Group* Coordinator::find_or_create(Instant now, const std::string& group_id) {
  if (Group* group = find_group(group_id)) return group;
  if (groups_.size() >= options_.groups_max) return nullptr;
  auto created = std::make_unique<Group>(group_id, options_, now);
  return groups_.emplace(group_id, std::move(created)).first->second.get();
}

ErrorCode Coordinator::validate_join(const JoinGroupRequest& request) const {
  if (!is_valid(request.group_id)) return ErrorCode::invalid_group_id;
  const Millis session(request.session_timeout_ms);
  if (session < options_.session_timeout_min || session > options_.session_timeout_max) {
    return ErrorCode::invalid_session_timeout;
  }
  return ErrorCode::none;
}

bool Coordinator::is_valid(std::string_view group_id) const {
  return !group_id.empty() && group_id.size() <= options_.group_id_bytes_max;
}

void Coordinator::index(const std::string& group_id, const Group& group) {
  deadlines_.set(group_id, group.next_deadline());
}

}  // namespace sluice::broker
