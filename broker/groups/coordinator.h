#pragma once
// Coordinator: all consumer groups of this broker (the classic protocol; see Group). Membership
// lives in memory: after a restart a member's next request is answered with UNKNOWN_MEMBER_ID and
// it joins again; committed offsets are kept elsewhere and only validated here. Pure: `now` comes
// in, replies to parked requests and the next deadline come out. One thread, the broker's core
// loop.
//
// The shell calls expire(now) when next_deadline() comes and resolves the tokens of every Actions
// list. A request that is not parked is answered in the list that its own call returns. A client
// that disconnects needs no call: its reply goes nowhere and its session runs out.

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/groups/coordinator_options.h"
#include "broker/groups/deadlines.h"
#include "broker/groups/group.h"
#include "broker/groups/group_messages.h"
#include "shared/base/clock.h"
#include "shared/base/random.h"

namespace sluice::broker {

class Coordinator {
 public:
  explicit Coordinator(CoordinatorOptions options);
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;

  // `random` makes the id of a new member.
  Actions join(Instant now, const JoinGroupRequest& request, ReplyToken token, Random& random);
  Actions sync(Instant now, const SyncGroupRequest& request, ReplyToken token);
  HeartbeatResponse heartbeat(Instant now, const HeartbeatRequest& request);
  // The response is for the one who leaves, the actions for those whom it releases.
  std::pair<LeaveGroupResponse, Actions> leave(Instant now, const LeaveGroupRequest& request);

  // Whether these offsets may be stored. Once they are, call restore_empty().
  wire::ErrorCode validate_commit(Instant now, const CommitRequest& request);
  // The group has committed offsets: it exists, and stays when it is empty. Called for each group
  // in the store at start and after each commit; an existing group keeps its protocol type.
  void restore_empty(Instant now, const std::string& group_id, const std::string& protocol_type);
  // The group's offsets are gone (expired or deleted): it goes when it is empty.
  void forget_offsets(Instant now, const std::string& group_id);

  // An unknown group is described as Dead with group_id_not_found (versions below 6: none).
  DescribedGroup describe(const std::string& group_id) const;
  // Filters as in ListGroups, without regard to case; empty: all. In no order.
  std::vector<ListedGroup> list(const std::vector<std::string>& states_filter = {},
                                const std::vector<std::string>& types_filter = {}) const;
  // none: the group is gone, and the caller deletes its offsets.
  wire::ErrorCode delete_group(const std::string& group_id);

  // Does what is due at `now`.
  Actions expire(Instant now);
  // When expire() has something to do; may be early, never late; never() if nothing is due.
  Instant next_deadline() const { return deadlines_.next(); }
  // The broker stops: all that is parked is answered with `error` and no member is left.
  Actions shut_down(Instant now, wire::ErrorCode error);

  std::size_t groups() const { return groups_.size(); }
  const Group* find(const std::string& group_id) const;

 private:
  Group* find_group(const std::string& group_id);
  // nullptr at groups_max.
  Group* find_or_create(Instant now, const std::string& group_id);
  wire::ErrorCode validate_join(const JoinGroupRequest& request) const;
  bool is_valid(std::string_view group_id) const;
  void index(const std::string& group_id, const Group& group);

  const CoordinatorOptions options_;
  boost::unordered_flat_map<std::string, std::unique_ptr<Group>> groups_;
  Deadlines<std::string> deadlines_;  // group ids
};

}  // namespace sluice::broker
