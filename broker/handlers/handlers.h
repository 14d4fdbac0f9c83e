#pragma once
// The handlers, one API each. All run on the loop thread, take the decoded request by value and
// finish with the response; errors travel inside it, in Kafka's fields.

#include <optional>

#include "broker/dispatch.h"
#include "shared/async/task.h"
#include "shared/wire/messages/api_versions.h"
#include "shared/wire/messages/create_partitions.h"
#include "shared/wire/messages/create_topics.h"
#include "shared/wire/messages/delete_groups.h"
#include "shared/wire/messages/delete_records.h"
#include "shared/wire/messages/delete_topics.h"
#include "shared/wire/messages/describe_cluster.h"
#include "shared/wire/messages/describe_configs.h"
#include "shared/wire/messages/describe_groups.h"
#include "shared/wire/messages/fetch.h"
#include "shared/wire/messages/find_coordinator.h"
#include "shared/wire/messages/heartbeat.h"
#include "shared/wire/messages/incremental_alter_configs.h"
#include "shared/wire/messages/init_producer_id.h"
#include "shared/wire/messages/join_group.h"
#include "shared/wire/messages/leave_group.h"
#include "shared/wire/messages/list_groups.h"
#include "shared/wire/messages/list_offsets.h"
#include "shared/wire/messages/metadata.h"
#include "shared/wire/messages/offset_commit.h"
#include "shared/wire/messages/offset_fetch.h"
#include "shared/wire/messages/offset_for_leader_epoch.h"
#include "shared/wire/messages/produce.h"
#include "shared/wire/messages/sync_group.h"

namespace sluice::broker {

// `context` outlives the task: dispatch awaits over it.
#define SLUICE_HANDLER(name, Message) \
  Task<wire::Message##Response> name(const RequestContext& context, wire::Message##Request request)

SLUICE_HANDLER(handle_produce, Produce);
SLUICE_HANDLER(handle_fetch, Fetch);
SLUICE_HANDLER(handle_list_offsets, ListOffsets);
SLUICE_HANDLER(handle_metadata, Metadata);
SLUICE_HANDLER(handle_offset_commit, OffsetCommit);
SLUICE_HANDLER(handle_offset_fetch, OffsetFetch);
SLUICE_HANDLER(handle_find_coordinator, FindCoordinator);
SLUICE_HANDLER(handle_join_group, JoinGroup);
SLUICE_HANDLER(handle_heartbeat, Heartbeat);
SLUICE_HANDLER(handle_leave_group, LeaveGroup);
SLUICE_HANDLER(handle_sync_group, SyncGroup);
SLUICE_HANDLER(handle_describe_groups, DescribeGroups);
SLUICE_HANDLER(handle_list_groups, ListGroups);
SLUICE_HANDLER(handle_api_versions, ApiVersions);
SLUICE_HANDLER(handle_create_topics, CreateTopics);
SLUICE_HANDLER(handle_delete_topics, DeleteTopics);
SLUICE_HANDLER(handle_init_producer_id, InitProducerId);
SLUICE_HANDLER(handle_offset_for_leader_epoch, OffsetForLeaderEpoch);
SLUICE_HANDLER(handle_describe_configs, DescribeConfigs);
SLUICE_HANDLER(handle_create_partitions, CreatePartitions);
SLUICE_HANDLER(handle_delete_groups, DeleteGroups);
SLUICE_HANDLER(handle_describe_cluster, DescribeCluster);
SLUICE_HANDLER(handle_delete_records, DeleteRecords);
SLUICE_HANDLER(handle_incremental_alter_configs, IncrementalAlterConfigs);

#undef SLUICE_HANDLER

}  // namespace sluice::broker
