#pragma once
// GroupService: the shell around the pure Coordinator: gives time to it, parks JoinGroup and
// SyncGroup requests until it answers them. Lives on the loop thread.

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <variant>

#include "broker/groups/coordinator.h"
#include "shared/async/one_shot.h"
#include "shared/async/task.h"
#include "shared/base/clock.h"
#include "shared/base/random.h"

namespace sluice::broker {

class GroupService {
 public:
  GroupService(CoordinatorOptions options, const Clock& clock, Random& random,
               std::function<void()> deadline_changed);

  Task<JoinGroupResponse> join(JoinGroupRequest request);
  Task<SyncGroupResponse> sync(SyncGroupRequest request);
  HeartbeatResponse heartbeat(const HeartbeatRequest& request);
  LeaveGroupResponse leave(const LeaveGroupRequest& request);

  // NONE: the offsets may be stored.
  wire::ErrorCode check_commit(const CommitRequest& request);
  // The group has committed offsets, so it exists while it has no members. A group that only ever
  // committed has no protocol type, as in Kafka.
  void keep_for_offsets(const std::string& group_id);
  // NONE: the group is gone and the caller deletes its offsets.
  wire::ErrorCode remove(const std::string& group_id);

  // To list and to describe.
  const Coordinator& coordinator() const { return coordinator_; }

  void tick(Instant now);
  Instant next_deadline() const { return coordinator_.next_deadline(); }

  // At shutdown: every parked request, and each that comes later, is answered with
  // COORDINATOR_NOT_AVAILABLE.
  void stop();

 private:
  using Reply = std::variant<JoinGroupResponse, SyncGroupResponse>;

  void deliver(Actions actions);

  Coordinator coordinator_;
  const Clock& clock_;
  Random& random_;
  std::function<void()> deadline_changed_;
  std::unordered_map<std::uint64_t, OneShot<Reply>*> parked_;
  std::uint64_t next_token_ = 0;
  bool stopped_ = false;
};

}  // namespace sluice::broker
