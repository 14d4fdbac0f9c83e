#pragma once
// CoordinatorOptions: the group coordinator's timings and limits under Kafka's defaults.

#include <cstddef>

#include "shared/base/clock.h"

namespace sluice::broker {

struct CoordinatorOptions {
  // How long the first rebalance of an empty group waits for further members
  // (group.initial.rebalance.delay.ms). 0: not at all.
  Millis initial_rebalance_delay{3000};
  // Bounds of a member's session timeout (group.min/max.session.timeout.ms); outside of them:
  // INVALID_SESSION_TIMEOUT.
  Millis session_timeout_min{6'000};
  Millis session_timeout_max{1'800'000};
  // A new member that never got its id cannot heartbeat; so long its JoinGroup may be parked.
  Millis new_member_join_timeout{300'000};
  // So long an empty group without offsets is kept; then it is Dead, that is gone.
  Millis empty_group_retention{600'000};

  // Members of one group; also the bound for its pending ids (KIP-394). At it:
  // GROUP_MAX_SIZE_REACHED. A rebalance copies every member's metadata to the leader.
  std::size_t group_members_max = 2'000;
  // Groups in memory; at it new ones are refused with COORDINATOR_NOT_AVAILABLE, which clients
  // retry: empty groups go away by themselves.
  std::size_t groups_max = 100'000;
  // Bytes of a group id; above: INVALID_GROUP_ID. It is a key in memory and in the store.
  std::size_t group_id_bytes_max = 1'024;
  // Bytes of ids and protocol metadata that all members of a group hold, and of the assignments
  // that a leader sends; above: MESSAGE_TOO_LARGE. One JoinGroup response carries them all.
  std::size_t group_metadata_bytes_max = 16 * 1024 * 1024;
};

}  // namespace sluice::broker
