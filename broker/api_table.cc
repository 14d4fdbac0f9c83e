#include "broker/api_table.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "broker/handlers/handlers.h"
#include "shared/wire/frame.h"

namespace sluice::broker {
namespace {

using wire::ApiKey;

template <class Response>
Reply reply_with(const RequestContext& context, const Response& response) {
  if constexpr (std::is_same_v<Response, wire::FetchResponse>) {
    return {wire::gather_response(context.version(), context.header.correlation_id, response), {}};
  } else {
    return {wire::GatheredFrame(
                wire::encode_response(context.version(), context.header.correlation_id, response)),
            {}};
  }
}

Reply refuse(const RequestContext& context, const Error& error) {
  return {{}, std::string(wire::name_of(context.header.api_key)) + " request: " + error.context};
}

template <class Request, class Response,
          Task<Response> (*handler)(const RequestContext& context, Request request)>
Task<Reply> serve(RequestContext context, Buffer frame, std::size_t body_at) {
  auto request = wire::decode<Request>(ByteView(frame).substr(body_at), context.version());
  if (!request) co_return refuse(context, request.error());
  const Response response = co_await handler(context, std::move(*request));
  co_return reply_with(context, response);
}

// acks=0 gets no answer; an error is told by closing the connection (Kafka's KafkaApis does so
// too).
Task<Reply> serve_produce(RequestContext context, Buffer frame, std::size_t body_at) {
  auto request =
      wire::decode<wire::ProduceRequest>(ByteView(frame).substr(body_at), context.version());
  if (!request) co_return refuse(context, request.error());
  const bool answered = request->acks != 0;
  const wire::ProduceResponse response = co_await handle_produce(context, std::move(*request));
  if (answered) co_return reply_with(context, response);
  for (const auto& topic : response.responses) {
    for (const auto& partition : topic.partition_responses) {
      if (partition.error_code == wire::ErrorCode::none) continue;
      co_return Reply{
          {}, "produce with acks=0 failed: " + std::string(wire::name_of(partition.error_code))};
    }
  }
  co_return Reply{};
}

#define SLUICE_API(key, min, max, handler, Message) \
  {ApiKey::key, min, max, min, &serve<wire::Message##Request, wire::Message##Response, &handler>}

constexpr Api kApis[] = {
    {ApiKey::produce, 0, 11, 3, &serve_produce},
    SLUICE_API(fetch, 4, 12, handle_fetch, Fetch),
    SLUICE_API(list_offsets, 0, 7, handle_list_offsets, ListOffsets),
    SLUICE_API(metadata, 0, 12, handle_metadata, Metadata),
    SLUICE_API(offset_commit, 0, 8, handle_offset_commit, OffsetCommit),
    SLUICE_API(offset_fetch, 0, 8, handle_offset_fetch, OffsetFetch),
    SLUICE_API(find_coordinator, 0, 4, handle_find_coordinator, FindCoordinator),
    SLUICE_API(join_group, 0, 9, handle_join_group, JoinGroup),
    SLUICE_API(heartbeat, 0, 4, handle_heartbeat, Heartbeat),
    SLUICE_API(leave_group, 0, 5, handle_leave_group, LeaveGroup),
    SLUICE_API(sync_group, 0, 5, handle_sync_group, SyncGroup),
    SLUICE_API(describe_groups, 0, 5, handle_describe_groups, DescribeGroups),
    SLUICE_API(list_groups, 0, 5, handle_list_groups, ListGroups),
    SLUICE_API(api_versions, 0, 4, handle_api_versions, ApiVersions),
    SLUICE_API(create_topics, 0, 7, handle_create_topics, CreateTopics),
    SLUICE_API(delete_topics, 0, 6, handle_delete_topics, DeleteTopics),
    SLUICE_API(delete_records, 0, 2, handle_delete_records, DeleteRecords),
    SLUICE_API(init_producer_id, 0, 4, handle_init_producer_id, InitProducerId),
    SLUICE_API(offset_for_leader_epoch, 2, 4, handle_offset_for_leader_epoch, OffsetForLeaderEpoch),
    SLUICE_API(describe_configs, 0, 4, handle_describe_configs, DescribeConfigs),
    SLUICE_API(create_partitions, 0, 3, handle_create_partitions, CreatePartitions),
    SLUICE_API(delete_groups, 0, 2, handle_delete_groups, DeleteGroups),
    SLUICE_API(incremental_alter_configs, 0, 1, handle_incremental_alter_configs,
               IncrementalAlterConfigs),
    SLUICE_API(describe_cluster, 0, 1, handle_describe_cluster, DescribeCluster),
};

}  // namespace

std::span<const Api> api_table() {
  return kApis;
}

const Api* find_api(ApiKey key) {
  const auto* found = std::ranges::find(kApis, key, &Api::key);
  return found == std::end(kApis) ? nullptr : found;
}

}  // namespace sluice::broker
