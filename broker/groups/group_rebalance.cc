// How a group moves between its states: the two barriers, the sessions and what they release.

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "broker/groups/group.h"
#include "shared/base/check.h"

namespace sluice::broker {

using wire::ErrorCode;

namespace {

constexpr Millis kNobodyJoinedRetry{1'000};  // a rebalance timeout of 0 must not spin

}  // namespace

std::string_view name_of(GroupState state) {
  switch (state) {
    case GroupState::empty:
      return "Empty";
    case GroupState::preparing_rebalance:
      return "PreparingRebalance";
    case GroupState::completing_rebalance:
      return "CompletingRebalance";
    case GroupState::stable:
      return "Stable";
  }
  return "Unknown";
}

Group::Group(std::string group_id, const CoordinatorOptions& options, Instant now)
    : group_id_(std::move(group_id)), options_(options) {
  become_empty(now);
}

void Group::rebalance_or_complete(Instant now, Actions& out) {
  if (state_ == GroupState::preparing_rebalance) {
    maybe_complete_join(now, out);
  } else {
    prepare_rebalance(now, out);
  }
}

void Group::prepare_rebalance(Instant now, Actions& out) {
  if (state_ == GroupState::completing_rebalance) {
    for (auto& [id, member] : members_.all()) member.assignment.clear();
    propagate(now, ErrorCode::rebalance_in_progress, out);
  }
  for (auto& [id, member] : members_.all()) members_.set_sync_missing(member, false);
  sync_deadline_ = Instant::never();
  idle_deadline_ = Instant::never();

  const bool initial = state_ == GroupState::empty;
  state_ = GroupState::preparing_rebalance;
  const Millis timeout = members_.rebalance_timeout();
  const Millis delay = options_.initial_rebalance_delay;
  if (initial && delay > Millis(0)) {
    // The members of a service that starts arrive one after the other: one rebalance for all.
    initial_join_ = {.delay = delay, .remaining = std::max(timeout - delay, Millis(0))};
    join_deadline_ = now + delay;
    return;
  }
  join_deadline_ = now + timeout;
  maybe_complete_join(now, out);
}

void Group::maybe_complete_join(Instant now, Actions& out) {
  if (state_ != GroupState::preparing_rebalance || initial_join_) return;
  if (members_.all_joined()) complete_join(now, out);
}

void Group::on_join_deadline(Instant now, Actions& out) {
  if (initial_join_ && initial_join_->member_added && initial_join_->remaining > Millis(0)) {
    const Millis delay = std::min(options_.initial_rebalance_delay, initial_join_->remaining);
    const Millis remaining = std::max(initial_join_->remaining - initial_join_->delay, Millis(0));
    initial_join_ = {.delay = delay, .remaining = remaining};
    join_deadline_ = now + delay;
    return;
  }
  complete_join(now, out);
}

void Group::complete_join(Instant now, Actions& out) {
  initial_join_.reset();
  join_deadline_ = Instant::never();

  std::vector<std::string> missing;
  for (const auto& [id, member] : members_.all()) {
    // A static member is expected back until its session runs out (KIP-345).
    if (!member.parked_join && !member.is_static()) missing.push_back(id);
  }
  for (const std::string& id : missing) remove_member(id, out);

  if (!members_.elect_joined_leader() && !members_.empty()) {
    // Only static members are left and none came back yet: wait on, their sessions end it.
    join_deadline_ = now + std::max(members_.rebalance_timeout(), kNobodyJoinedRetry);
    return;
  }
  generation_ = generation_ == std::numeric_limits<std::int32_t>::max() ? 1 : generation_ + 1;
  if (members_.empty()) return become_empty(now);

  protocol_name_ = members_.select_protocol();
  state_ = GroupState::completing_rebalance;
  for (auto& [id, member] : members_.all()) {
    if (const auto token = members_.take_join(member)) out.push_back({*token, joined(member)});
    member.is_new = false;
    members_.set_sync_missing(member, true);
    touch(now, member);
  }
  sync_deadline_ = now + members_.rebalance_timeout();
}

void Group::on_sync_deadline(Instant now, Actions& out) {
  sync_deadline_ = Instant::never();
  std::vector<std::string> missing;
  for (const auto& [id, member] : members_.all()) {
    if (member.sync_missing) missing.push_back(id);
  }
  for (const std::string& id : missing) remove_member(id, out);
  prepare_rebalance(now, out);
}

void Group::on_session_deadline(Instant now, const std::string& member_id, Actions& out) {
  const Member* member = members_.find(member_id);
  // Its answer starts the session anew.
  if (member != nullptr && member->is_kept_alive()) return;
  const bool was_pending = member == nullptr;
  remove_member(member_id, out);
  if (was_pending || state_ == GroupState::preparing_rebalance) {
    maybe_complete_join(now, out);
    if (state_ == GroupState::empty) become_empty(now);
  } else {
    prepare_rebalance(now, out);
  }
}

void Group::propagate(Instant now, ErrorCode error, Actions& out) {
  for (auto& [id, member] : members_.all()) {
    const auto token = members_.take_sync(member);
    if (!token) continue;
    out.push_back({*token, error == ErrorCode::none ? synced(member)
                                                    : SyncGroupResponse{.error_code = error}});
    touch(now, member);
  }
}

void Group::become_empty(Instant now) {
  state_ = GroupState::empty;
  protocol_name_.reset();
  const bool idle = !holds_offsets_ && members_.pending() == 0;
  idle_deadline_ = idle ? now + options_.empty_group_retention : Instant::never();
}

void Group::set_holds_offsets(Instant now, bool holds) {
  holds_offsets_ = holds;
  if (state_ == GroupState::empty) become_empty(now);
}

void Group::expire(Instant now, Actions& out) {
  while (!dead_ && next_deadline() <= now) {
    const Instant due = next_deadline();
    if (due == sessions_.next()) {
      if (const auto id = sessions_.pop_first(now)) on_session_deadline(now, *id, out);
    } else if (due == join_deadline_) {
      on_join_deadline(now, out);
    } else if (due == sync_deadline_) {
      on_sync_deadline(now, out);
    } else {
      dead_ = true;
    }
  }
}

Instant Group::next_deadline() const {
  return std::min({sessions_.next(), join_deadline_, sync_deadline_, idle_deadline_});
}

void Group::disband(Instant now, ErrorCode error, Actions& out) {
  for (auto& [id, member] : members_.all()) {
    release_join(member, error, id, out);
    release_sync(member, error, out);
  }
  while (!members_.empty()) remove_member(std::string(members_.all().begin()->first), out);
  initial_join_.reset();
  join_deadline_ = sync_deadline_ = Instant::never();
  become_empty(now);
}

void Group::touch(Instant now, const Member& member) {
  sessions_.set(member.member_id, now + member.session_timeout);
}

// What it waits for is answered with UNKNOWN_MEMBER_ID: a client that lives joins anew.
void Group::remove_member(const std::string& member_id, Actions& out) {
  sessions_.cancel(member_id);
  if (Member* member = members_.find(member_id)) {
    release_join(*member, ErrorCode::unknown_member_id, "", out);
    release_sync(*member, ErrorCode::unknown_member_id, out);
  }
  members_.remove(member_id);
  if (members_.all_synced()) sync_deadline_ = Instant::never();
}

void Group::release_join(Member& member, ErrorCode error, std::string_view member_id,
                         Actions& out) {
  if (const auto token = members_.take_join(member)) {
    out.push_back(
        {*token, JoinGroupResponse{.error_code = error, .member_id = std::string(member_id)}});
  }
}

void Group::release_sync(Member& member, ErrorCode error, Actions& out) {
  if (const auto token = members_.take_sync(member)) {
    out.push_back({*token, SyncGroupResponse{.error_code = error}});
  }
}

JoinGroupResponse Group::joined(const Member& member) const {
  JoinGroupResponse response{
      .generation_id = generation_,
      .protocol_type = protocol_type_,
      .protocol_name = protocol_name_,
      .leader = members_.leader(),
      .member_id = member.member_id,
  };
  if (!members_.is_leader(member.member_id)) return response;
  for (const auto& [id, each] : members_.all()) {
    const JoinGroupProtocol* offer = each.offer(*protocol_name_);
    response.members.push_back({id, each.group_instance_id, offer ? offer->metadata : Buffer()});
  }
  return response;
}

SyncGroupResponse Group::synced(const Member& member) const {
  return {.protocol_type = protocol_type_,
          .protocol_name = protocol_name_,
          .assignment = member.assignment};
}

DescribedGroup Group::describe() const {
  const bool stable = state_ == GroupState::stable;
  DescribedGroup group{
      .group_id = group_id_,
      .group_state = std::string(name_of(state_)),
      .protocol_type = protocol_type_.value_or(""),
      .protocol_data = stable ? protocol_name_.value_or("") : "",
  };
  for (const auto& [id, member] : members_.all()) {
    const JoinGroupProtocol* offer = stable ? member.offer(*protocol_name_) : nullptr;
    group.members.push_back({
        .member_id = id,
        .group_instance_id = member.group_instance_id,
        .client_id = member.client_id,
        .client_host = member.client_host,
        .member_metadata = offer ? offer->metadata : Buffer(),
        .member_assignment = member.assignment,
    });
  }
  return group;
}

ListedGroup Group::list() const {
  return {group_id_, protocol_type_.value_or(""), std::string(name_of(state_)), "classic"};
}

}  // namespace sluice::broker
