#include "broker/groups/group.h"

#include <set>
#include <utility>
#include <vector>

#include "shared/base/check.h"

namespace sluice::broker {

using wire::ErrorCode;

namespace {

constexpr std::int16_t kMemberIdRequiredSince = 4;  // KIP-394
constexpr std::int16_t kSkipAssignmentSince = 9;    // KIP-814

Millis rebalance_timeout_of(const JoinGroupRequest& request) {
  return Millis(request.rebalance_timeout_ms < 0 ? request.session_timeout_ms
                                                 : request.rebalance_timeout_ms);
}

// A name that comes twice counts once; the first is what the client prefers.
std::vector<JoinGroupProtocol> distinct(const std::vector<JoinGroupProtocol>& offered) {
  std::vector<JoinGroupProtocol> result;
  std::set<std::string_view> seen;
  for (const JoinGroupProtocol& protocol : offered) {
    if (seen.insert(protocol.name).second) result.push_back(protocol);
  }
  return result;
}

JoinGroupResponse join_error(ErrorCode error, std::string_view member_id) {
  return {.error_code = error, .member_id = std::string(member_id)};
}

std::string new_member_id(const JoinGroupRequest& request, Random& random) {
  const std::string& prefix =
      request.group_instance_id ? *request.group_instance_id : request.client_id;
  return prefix + "-" + uuid_text(random_uuid(random));
}

}  // namespace

void Group::join(Instant now, const JoinGroupRequest& request, ReplyToken token, Random& random,
                 Actions& out) {
  if (const ErrorCode error = admit(request); error != ErrorCode::none) {
    const bool over_size = error == ErrorCode::group_max_size_reached;
    out.push_back({token, join_error(error, over_size ? std::string_view() : request.member_id)});
    // An oversized group sheds the members that come back last.
    if (over_size && !request.member_id.empty()) {
      remove_member(request.member_id, out);
      maybe_complete_join(now, out);
    }
    return;
  }
  if (request.member_id.empty()) {
    join_new(now, request, token, random, out);
  } else {
    join_known(now, request, token, out);
  }
}

ErrorCode Group::admit(const JoinGroupRequest& request) const {
  const std::string* holder =
      request.group_instance_id ? members_.static_member_id(*request.group_instance_id) : nullptr;
  const Member* member =
      members_.find(request.member_id.empty() && holder ? *holder : request.member_id);
  const bool waits = member != nullptr && member->parked_join;
  const std::size_t limit = options_.group_members_max;
  bool room = true;
  switch (state_) {
    case GroupState::empty:
      break;
    case GroupState::preparing_rebalance:
      // Who joined counts, so that a group above a lowered limit shrinks to it.
      room = waits || members_.parked_joins() < limit;
      break;
    case GroupState::completing_rebalance:
    case GroupState::stable:
      room = member != nullptr || members_.size() < limit;
      break;
  }
  if (request.member_id.empty() && !request.group_instance_id && members_.pending() >= limit) {
    room = false;
  }
  if (!room) return ErrorCode::group_max_size_reached;

  const bool fits = state_ == GroupState::empty
                        ? !request.protocol_type.empty() && !request.protocols.empty()
                        : protocol_type_ == request.protocol_type &&
                              members_.all_support_one_of(request.protocols);
  if (!fits) return ErrorCode::inconsistent_group_protocol;

  const std::size_t bytes = bytes_of(request.protocols) + request.client_id.size() +
                            request.client_host.size() + request.member_id.size() +
                            (request.group_instance_id ? request.group_instance_id->size() : 0);
  const std::size_t freed = member == nullptr ? 0 : bytes_of(member->protocols);
  if (members_.bytes() - freed + bytes > options_.group_metadata_bytes_max) {
    return ErrorCode::message_too_large;
  }
  return ErrorCode::none;
}

void Group::join_new(Instant now, const JoinGroupRequest& request, ReplyToken token, Random& random,
                     Actions& out) {
  const std::string member_id = new_member_id(request, random);
  if (request.group_instance_id) {
    if (members_.static_member_id(*request.group_instance_id)) {
      replace_static(now, request, member_id, token, out);
    } else {
      add_member(now, request, member_id, token, out);
    }
  } else if (request.api_version >= kMemberIdRequiredSince) {
    // KIP-394: without it, a client that times out and retries leaves a ghost member each time.
    members_.add_pending(member_id);
    sessions_.set(member_id, now + Millis(request.session_timeout_ms));
    idle_deadline_ = Instant::never();
    out.push_back({token, join_error(ErrorCode::member_id_required, member_id)});
  } else {
    add_member(now, request, member_id, token, out);
  }
}

void Group::join_known(Instant now, const JoinGroupRequest& request, ReplyToken token,
                       Actions& out) {
  if (members_.is_pending(request.member_id) && !request.group_instance_id) {
    return add_member(now, request, request.member_id, token, out);
  }
  const ErrorCode error = validate_member(request.member_id, request.group_instance_id);
  if (error != ErrorCode::none) {
    out.push_back({token, join_error(error, request.member_id)});
    return;
  }
  Member& member = *members_.find(request.member_id);
  const bool unchanged = member.protocols == distinct(request.protocols);
  // In CompletingRebalance an unchanged member lost our answer. In Stable a leader that joins asks
  // for a new assignment, for reasons that its own metadata does not show.
  const bool current =
      unchanged && (state_ == GroupState::completing_rebalance ||
                    (state_ == GroupState::stable && !members_.is_leader(member.member_id)));
  if (current) {
    out.push_back({token, joined(member)});
    return;
  }
  update_member(member, request, token, out);
  rebalance_or_complete(now, out);
}

void Group::add_member(Instant now, const JoinGroupRequest& request, const std::string& member_id,
                       ReplyToken token, Actions& out) {
  if (members_.empty()) protocol_type_ = request.protocol_type;
  if (initial_join_) initial_join_->member_added = true;
  Member& member = members_.add({
      .member_id = member_id,
      .group_instance_id = request.group_instance_id,
      .client_id = request.client_id,
      .client_host = request.client_host,
      .rebalance_timeout = rebalance_timeout_of(request),
      .session_timeout = Millis(request.session_timeout_ms),
      .protocols = distinct(request.protocols),
  });
  members_.park_join(member, token);
  idle_deadline_ = Instant::never();
  // It cannot heartbeat before it is answered; a client that gave up and came back as another new
  // member must not stay for ever.
  sessions_.set(member_id, now + options_.new_member_join_timeout);
  rebalance_or_complete(now, out);
}

void Group::update_member(Member& member, const JoinGroupRequest& request, ReplyToken token,
                          Actions& out) {
  // The client gave up on an earlier JoinGroup and sent this one.
  release_join(member, ErrorCode::rebalance_in_progress, member.member_id, out);
  members_.set_protocols(member, distinct(request.protocols));
  member.rebalance_timeout = rebalance_timeout_of(request);
  member.session_timeout = Millis(request.session_timeout_ms);
  members_.park_join(member, token);
}

// KIP-345: a static member that restarted takes its place over; who still uses the old member id is
// fenced.
void Group::replace_static(Instant now, const JoinGroupRequest& request, const std::string& new_id,
                           ReplyToken token, Actions& out) {
  const std::string old_id = *members_.static_member_id(*request.group_instance_id);
  const std::string old_leader = members_.leader();
  Member& old = *members_.find(old_id);
  release_join(old, ErrorCode::fenced_instance_id, old_id, out);
  release_sync(old, ErrorCode::fenced_instance_id, out);
  sessions_.cancel(old_id);
  Member& member = members_.replace_id(old_id, new_id, request.client_id, request.client_host);
  member.is_new = false;
  update_member(member, request, token, out);
  touch(now, member);

  switch (state_) {
    case GroupState::stable: {
      // Kafka compares the protocol that would be chosen, not the metadata: a consumer that
      // restarts always has other metadata (it owns no partitions), and static membership is there
      // to make restarts cheap.
      if (members_.select_protocol() != protocol_name_) return prepare_rebalance(now, out);
      JoinGroupResponse response = joined(member);
      if (request.api_version >= kSkipAssignmentSince) {
        // KIP-814: the leader may know that it leads, as it is told not to assign.
        response.skip_assignment = members_.is_leader(new_id);
      } else {
        // Older leaders would assign, and a stable group ignores it: they must not think they lead.
        response.leader = old_leader;
        response.members.clear();
      }
      out.push_back({*members_.take_join(member), std::move(response)});
      return;
    }
    case GroupState::completing_rebalance:
      // The leader may assign to the old member id already.
      return prepare_rebalance(now, out);
    case GroupState::preparing_rebalance:
      return maybe_complete_join(now, out);
    case GroupState::empty:
      CHECK(state_ != GroupState::empty);
  }
}

ErrorCode Group::validate_member(std::string_view member_id,
                                 const std::optional<std::string>& group_instance_id) const {
  if (group_instance_id) {
    const std::string* holder = members_.static_member_id(*group_instance_id);
    if (holder == nullptr) return ErrorCode::unknown_member_id;
    if (*holder != member_id) return ErrorCode::fenced_instance_id;
  }
  return members_.find(member_id) ? ErrorCode::none : ErrorCode::unknown_member_id;
}

ErrorCode Group::validate_sync(const SyncGroupRequest& request) const {
  const ErrorCode error = validate_member(request.member_id, request.group_instance_id);
  if (error != ErrorCode::none) return error;
  if (request.generation_id != generation_) return ErrorCode::illegal_generation;
  // KIP-559: clients from version 5 on say what they believe was agreed.
  if (request.protocol_type && request.protocol_type != protocol_type_) {
    return ErrorCode::inconsistent_group_protocol;
  }
  if (request.protocol_name && request.protocol_name != protocol_name_) {
    return ErrorCode::inconsistent_group_protocol;
  }
  if (state_ == GroupState::preparing_rebalance) return ErrorCode::rebalance_in_progress;
  std::size_t bytes = 0;
  for (const auto& [id, assignment] : request.assignments) bytes += assignment.size();
  return bytes > options_.group_metadata_bytes_max ? ErrorCode::message_too_large : ErrorCode::none;
}

void Group::sync(Instant now, const SyncGroupRequest& request, ReplyToken token, Actions& out) {
  if (const ErrorCode error = validate_sync(request); error != ErrorCode::none) {
    out.push_back({token, SyncGroupResponse{.error_code = error}});
    return;
  }
  Member& member = *members_.find(request.member_id);
  members_.set_sync_missing(member, false);
  if (members_.all_synced()) sync_deadline_ = Instant::never();
  if (state_ == GroupState::stable) {
    touch(now, member);
    out.push_back({token, synced(member)});
    return;
  }
  release_sync(member, ErrorCode::rebalance_in_progress, out);  // the client sent it again
  members_.park_sync(member, token);
  if (!members_.is_leader(member.member_id)) return;
  for (const auto& [id, assignment] : request.assignments) {
    if (Member* assigned = members_.find(id)) assigned->assignment = assignment;
  }
  state_ = GroupState::stable;
  propagate(now, ErrorCode::none, out);
}

HeartbeatResponse Group::heartbeat(Instant now, const HeartbeatRequest& request) {
  const ErrorCode error = validate_member(request.member_id, request.group_instance_id);
  if (error != ErrorCode::none) return {error};
  if (request.generation_id != generation_) return {ErrorCode::illegal_generation};
  touch(now, *members_.find(request.member_id));
  return {state_ == GroupState::preparing_rebalance ? ErrorCode::rebalance_in_progress
                                                    : ErrorCode::none};
}

LeaveGroupResponse Group::leave(Instant now, const LeaveGroupRequest& request, Actions& out) {
  LeaveGroupResponse response;
  bool left = false;
  for (const LeaveGroupRequest::MemberIdentity& identity : request.members) {
    const ErrorCode error = leave_one(identity, out);
    left = left || error == ErrorCode::none;
    response.members.push_back({identity.member_id, identity.group_instance_id, error});
  }
  if (left) {
    if (state_ == GroupState::empty) {
      become_empty(now);
    } else {
      rebalance_or_complete(now, out);
    }
  }
  return response;
}

ErrorCode Group::leave_one(const LeaveGroupRequest::MemberIdentity& identity, Actions& out) {
  // An operator removes a static member by its instance id alone.
  if (identity.member_id.empty()) {
    const std::string* holder = identity.group_instance_id
                                    ? members_.static_member_id(*identity.group_instance_id)
                                    : nullptr;
    if (holder == nullptr) return ErrorCode::unknown_member_id;
    remove_member(std::string(*holder), out);
    return ErrorCode::none;
  }
  if (!members_.is_pending(identity.member_id)) {
    const ErrorCode error = validate_member(identity.member_id, identity.group_instance_id);
    if (error != ErrorCode::none) return error;
  }
  remove_member(identity.member_id, out);
  return ErrorCode::none;
}

ErrorCode Group::validate_commit(Instant now, const CommitRequest& request) {
  const std::int32_t generation = request.generation_id_or_member_epoch;
  // A simple consumer keeps its offsets here and assigns partitions by itself.
  if (generation < 0 && state_ == GroupState::empty) return ErrorCode::none;
  const bool claims_membership =
      generation >= 0 || !request.member_id.empty() || request.group_instance_id;
  if (claims_membership) {
    const ErrorCode error = validate_member(request.member_id, request.group_instance_id);
    if (error != ErrorCode::none) return error;
    if (generation != generation_) return ErrorCode::illegal_generation;
  } else if (!request.is_transactional) {
    return ErrorCode::unknown_member_id;
  }
  if (!request.is_transactional && state_ == GroupState::completing_rebalance) {
    return ErrorCode::rebalance_in_progress;
  }
  // A commit shows that the member lives, as a heartbeat does.
  const Member* member = members_.find(request.member_id);
  if (member && state_ != GroupState::completing_rebalance) touch(now, *member);
  return ErrorCode::none;
}

}  // namespace sluice::broker
