#pragma once
// Group: one consumer group under the classic protocol, as Apache Kafka's coordinator runs it
// (GroupMetadataManager, ClassicGroup; KIP-62, 345, 394, 559, 814):
//
//   Empty → PreparingRebalance → CompletingRebalance → Stable → PreparingRebalance …
//
// JoinGroup parks until all known members joined or the join barrier's deadline, which starts a
// generation; SyncGroup parks until the leader's assignment, or the sync barrier's deadline drops
// who did not sync. A member is dropped when its session runs out, unless it waits for us. A group
// is Dead when the Coordinator forgets it. Pure; owned by the Coordinator, on its thread.

#include <optional>
#include <string>
#include <string_view>

#include "broker/groups/coordinator_options.h"
#include "broker/groups/deadlines.h"
#include "broker/groups/group_messages.h"
#include "broker/groups/members.h"
#include "shared/base/clock.h"
#include "shared/base/random.h"

namespace sluice::broker {

enum class GroupState { empty, preparing_rebalance, completing_rebalance, stable };

// As Kafka spells it in DescribeGroups and ListGroups.
std::string_view name_of(GroupState state);

class Group {
 public:
  // `options` outlives the group.
  Group(std::string group_id, const CoordinatorOptions& options, Instant now);

  void join(Instant now, const JoinGroupRequest& request, ReplyToken token, Random& random,
            Actions& out);
  void sync(Instant now, const SyncGroupRequest& request, ReplyToken token, Actions& out);
  HeartbeatResponse heartbeat(Instant now, const HeartbeatRequest& request);
  LeaveGroupResponse leave(Instant now, const LeaveGroupRequest& request, Actions& out);
  wire::ErrorCode validate_commit(Instant now, const CommitRequest& request);

  // Does what is due at `now`, in the order of the deadlines.
  void expire(Instant now, Actions& out);
  // Answers all that is parked with `error` and drops all members.
  void disband(Instant now, wire::ErrorCode error, Actions& out);
  // May be early, never late.
  Instant next_deadline() const;

  // Committed offsets keep an empty group alive.
  void set_holds_offsets(Instant now, bool holds);
  void set_protocol_type(std::string protocol_type) { protocol_type_ = std::move(protocol_type); }
  // Whether the Coordinator forgets this group now.
  bool is_dead() const { return dead_; }

  GroupState state() const { return state_; }
  std::int32_t generation() const { return generation_; }
  const Members& members() const { return members_; }
  DescribedGroup describe() const;
  ListedGroup list() const;

 private:
  // What the initial join barrier still may grant to further new members.
  struct InitialJoin {
    Millis delay;
    Millis remaining;
    bool member_added = false;
  };

  wire::ErrorCode admit(const JoinGroupRequest& request) const;
  void join_new(Instant now, const JoinGroupRequest& request, ReplyToken token, Random& random,
                Actions& out);
  void join_known(Instant now, const JoinGroupRequest& request, ReplyToken token, Actions& out);
  void add_member(Instant now, const JoinGroupRequest& request, const std::string& member_id,
                  ReplyToken token, Actions& out);
  void update_member(Member& member, const JoinGroupRequest& request, ReplyToken token,
                     Actions& out);
  void replace_static(Instant now, const JoinGroupRequest& request, const std::string& new_id,
                      ReplyToken token, Actions& out);
  wire::ErrorCode validate_member(std::string_view member_id,
                                  const std::optional<std::string>& group_instance_id) const;
  wire::ErrorCode validate_sync(const SyncGroupRequest& request) const;
  wire::ErrorCode leave_one(const LeaveGroupRequest::MemberIdentity& identity, Actions& out);

  void rebalance_or_complete(Instant now, Actions& out);
  void prepare_rebalance(Instant now, Actions& out);
  void maybe_complete_join(Instant now, Actions& out);
  void on_join_deadline(Instant now, Actions& out);
  void complete_join(Instant now, Actions& out);
  void on_sync_deadline(Instant now, Actions& out);
  void on_session_deadline(Instant now, const std::string& member_id, Actions& out);
  void propagate(Instant now, wire::ErrorCode error, Actions& out);
  void become_empty(Instant now);

  void touch(Instant now, const Member& member);
  void remove_member(const std::string& member_id, Actions& out);
  void release_join(Member& member, wire::ErrorCode error, std::string_view member_id,
                    Actions& out);
  void release_sync(Member& member, wire::ErrorCode error, Actions& out);
  JoinGroupResponse joined(const Member& member) const;
  SyncGroupResponse synced(const Member& member) const;

  std::string group_id_;
  const CoordinatorOptions& options_;
  GroupState state_ = GroupState::empty;
  std::int32_t generation_ = 0;
  std::optional<std::string> protocol_type_;
  std::optional<std::string> protocol_name_;
  Members members_;
  bool holds_offsets_ = false;
  bool dead_ = false;

  std::optional<InitialJoin> initial_join_;   // only while preparing from Empty
  Instant join_deadline_ = Instant::never();  // set exactly in PreparingRebalance
  Instant sync_deadline_ = Instant::never();  // set while a member of the generation did not sync
  Instant idle_deadline_ = Instant::never();  // only in Empty without offsets
  Deadlines<std::string> sessions_;           // member ids, pending ones too
};

}  // namespace sluice::broker
