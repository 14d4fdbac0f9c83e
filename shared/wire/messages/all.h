#pragma once
// Every message that the codec has, as a type list to loop over.

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

namespace sluice::wire {

template <class... M>
struct MessageList {
  static constexpr std::size_t size = sizeof...(M);

  // visit.operator()<M>() for each message.
  template <class Visit>
  static void for_each(Visit visit) {
    (visit.template operator()<M>(), ...);
  }
};

using AllMessages = MessageList<
    ProduceRequest, ProduceResponse, FetchRequest, FetchResponse, ListOffsetsRequest,
    ListOffsetsResponse, MetadataRequest, MetadataResponse, OffsetCommitRequest,
    OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, FindCoordinatorRequest,
    FindCoordinatorResponse, JoinGroupRequest, JoinGroupResponse, HeartbeatRequest,
    HeartbeatResponse, LeaveGroupRequest, LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
    DescribeGroupsRequest, DescribeGroupsResponse, ListGroupsRequest, ListGroupsResponse,
    ApiVersionsRequest, ApiVersionsResponse, CreateTopicsRequest, CreateTopicsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse, InitProducerIdRequest, InitProducerIdResponse,
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, DescribeConfigsRequest,
    DescribeConfigsResponse, CreatePartitionsRequest, CreatePartitionsResponse, DeleteGroupsRequest,
    DeleteGroupsResponse, DescribeClusterRequest, DescribeClusterResponse, DeleteRecordsRequest,
    DeleteRecordsResponse, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse>;

}  // namespace sluice::wire
