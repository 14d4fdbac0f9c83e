#pragma once
// The API keys of Kafka and the version from which each is flexible (KIP-482).

#include <cstdint>
#include <limits>
#include <string_view>

namespace sluice::wire {

inline constexpr std::int16_t kNeverFlexible = std::numeric_limits<std::int16_t>::max();

// X(our name, key, Kafka's name, flexible from)
#define SLUICE_WIRE_API_KEYS(X)                                             \
  X(produce, 0, "Produce", 9)                                               \
  X(fetch, 1, "Fetch", 12)                                                  \
  X(list_offsets, 2, "ListOffsets", 6)                                      \
  X(metadata, 3, "Metadata", 9)                                             \
  X(offset_commit, 8, "OffsetCommit", 8)                                    \
  X(offset_fetch, 9, "OffsetFetch", 6)                                      \
  X(find_coordinator, 10, "FindCoordinator", 3)                             \
  X(join_group, 11, "JoinGroup", 6)                                         \
  X(heartbeat, 12, "Heartbeat", 4)                                          \
  X(leave_group, 13, "LeaveGroup", 4)                                       \
  X(sync_group, 14, "SyncGroup", 4)                                         \
  X(describe_groups, 15, "DescribeGroups", 5)                               \
  X(list_groups, 16, "ListGroups", 3)                                       \
  X(sasl_handshake, 17, "SaslHandshake", kNeverFlexible)                    \
  X(api_versions, 18, "ApiVersions", 3)                                     \
  X(create_topics, 19, "CreateTopics", 5)                                   \
  X(delete_topics, 20, "DeleteTopics", 4)                                   \
  X(delete_records, 21, "DeleteRecords", 2)                                 \
  X(init_producer_id, 22, "InitProducerId", 2)                              \
  X(offset_for_leader_epoch, 23, "OffsetForLeaderEpoch", 4)                 \
  X(add_partitions_to_txn, 24, "AddPartitionsToTxn", 3)                     \
  X(add_offsets_to_txn, 25, "AddOffsetsToTxn", 3)                           \
  X(end_txn, 26, "EndTxn", 3)                                               \
  X(txn_offset_commit, 28, "TxnOffsetCommit", 3)                            \
  X(describe_acls, 29, "DescribeAcls", 2)                                   \
  X(create_acls, 30, "CreateAcls", 2)                                       \
  X(delete_acls, 31, "DeleteAcls", 2)                                       \
  X(describe_configs, 32, "DescribeConfigs", 4)                             \
  X(alter_configs, 33, "AlterConfigs", 2)                                   \
  X(alter_replica_log_dirs, 34, "AlterReplicaLogDirs", 2)                   \
  X(describe_log_dirs, 35, "DescribeLogDirs", 2)                            \
  X(sasl_authenticate, 36, "SaslAuthenticate", 2)                           \
  X(create_partitions, 37, "CreatePartitions", 2)                           \
  X(create_delegation_token, 38, "CreateDelegationToken", 2)                \
  X(renew_delegation_token, 39, "RenewDelegationToken", 2)                  \
  X(expire_delegation_token, 40, "ExpireDelegationToken", 2)                \
  X(describe_delegation_token, 41, "DescribeDelegationToken", 2)            \
  X(delete_groups, 42, "DeleteGroups", 2)                                   \
  X(elect_leaders, 43, "ElectLeaders", 2)                                   \
  X(incremental_alter_configs, 44, "IncrementalAlterConfigs", 1)            \
  X(alter_partition_reassignments, 45, "AlterPartitionReassignments", 0)    \
  X(list_partition_reassignments, 46, "ListPartitionReassignments", 0)      \
  X(offset_delete, 47, "OffsetDelete", kNeverFlexible)                      \
  X(describe_client_quotas, 48, "DescribeClientQuotas", 1)                  \
  X(alter_client_quotas, 49, "AlterClientQuotas", 1)                        \
  X(describe_user_scram_credentials, 50, "DescribeUserScramCredentials", 0) \
  X(alter_user_scram_credentials, 51, "AlterUserScramCredentials", 0)       \
  X(update_features, 57, "UpdateFeatures", 0)                               \
  X(describe_cluster, 60, "DescribeCluster", 0)                             \
  X(describe_producers, 61, "DescribeProducers", 0)                         \
  X(describe_transactions, 65, "DescribeTransactions", 0)                   \
  X(list_transactions, 66, "ListTransactions", 0)                           \
  X(consumer_group_heartbeat, 68, "ConsumerGroupHeartbeat", 0)              \
  X(consumer_group_describe, 69, "ConsumerGroupDescribe", 0)                \
  X(get_telemetry_subscriptions, 71, "GetTelemetrySubscriptions", 0)        \
  X(push_telemetry, 72, "PushTelemetry", 0)                                 \
  X(list_config_resources, 74, "ListConfigResources", 0)                    \
  X(describe_topic_partitions, 75, "DescribeTopicPartitions", 0)            \
  X(share_group_heartbeat, 76, "ShareGroupHeartbeat", 0)                    \
  X(share_group_describe, 77, "ShareGroupDescribe", 0)                      \
  X(share_fetch, 78, "ShareFetch", 0)                                       \
  X(share_acknowledge, 79, "ShareAcknowledge", 0)

// Any int16 may arrive in it: a peer's request names keys that this list does not.
enum class ApiKey : std::int16_t {
#define SLUICE_WIRE_ENUMERATOR(name, key, text, flexible) name = key,
  SLUICE_WIRE_API_KEYS(SLUICE_WIRE_ENUMERATOR)
#undef SLUICE_WIRE_ENUMERATOR
};

// Kafka's name, or "unknown".
constexpr std::string_view name_of(ApiKey key) {
  switch (key) {
#define SLUICE_WIRE_CASE(name, key, text, flexible) \
  case ApiKey::name:                                \
    return text;
    SLUICE_WIRE_API_KEYS(SLUICE_WIRE_CASE)
#undef SLUICE_WIRE_CASE
  }
  return "unknown";
}

// kNeverFlexible for keys that the list does not have.
constexpr std::int16_t flexible_from(ApiKey key) {
  switch (key) {
#define SLUICE_WIRE_CASE(name, key, text, flexible) \
  case ApiKey::name:                                \
    return flexible;
    SLUICE_WIRE_API_KEYS(SLUICE_WIRE_CASE)
#undef SLUICE_WIRE_CASE
  }
  return kNeverFlexible;
}

}  // namespace sluice::wire
