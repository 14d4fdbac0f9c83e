// Instantiates the codec for these messages.

#include "shared/wire/codec_define.h"
#include "shared/wire/messages/delete_groups.h"
#include "shared/wire/messages/describe_groups.h"
#include "shared/wire/messages/find_coordinator.h"
#include "shared/wire/messages/heartbeat.h"
#include "shared/wire/messages/join_group.h"
#include "shared/wire/messages/leave_group.h"
#include "shared/wire/messages/list_groups.h"
#include "shared/wire/messages/offset_commit.h"
#include "shared/wire/messages/offset_fetch.h"
#include "shared/wire/messages/sync_group.h"

namespace sluice::wire {

SLUICE_WIRE_DEFINE_API(OffsetCommit)
SLUICE_WIRE_DEFINE_API(OffsetFetch)
SLUICE_WIRE_DEFINE_API(FindCoordinator)
SLUICE_WIRE_DEFINE_API(JoinGroup)
SLUICE_WIRE_DEFINE_API(Heartbeat)
SLUICE_WIRE_DEFINE_API(LeaveGroup)
SLUICE_WIRE_DEFINE_API(SyncGroup)
SLUICE_WIRE_DEFINE_API(DescribeGroups)
SLUICE_WIRE_DEFINE_API(ListGroups)
SLUICE_WIRE_DEFINE_API(DeleteGroups)

}  // namespace sluice::wire
