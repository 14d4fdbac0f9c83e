#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Topics to describe: null means all; in v0, which cannot say null, none means all.
struct MetadataRequest {
  static constexpr std::string_view name = "MetadataRequest";
  static constexpr ApiKey key = ApiKey::metadata;
  static constexpr std::int16_t min_version = 0, max_version = 12, flexible_from = 9;

  struct Topic {
    Uuid topic_id;
    std::optional<std::string> name;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("topic_id", m.topic_id, {.since = 10});
      io("name", m.name, {.nullable_since = 10});
    }
  };

  std::optional<std::vector<Topic>> topics;
  bool allow_auto_topic_creation = true;
  bool include_cluster_authorized_operations = false;
  bool include_topic_authorized_operations = false;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("topics", m.topics, {.nullable_since = 1});
    io("allow_auto_topic_creation", m.allow_auto_topic_creation, {.since = 4});
    io("include_cluster_authorized_operations", m.include_cluster_authorized_operations,
       {.since = 8, .until = 10});
    io("include_topic_authorized_operations", m.include_topic_authorized_operations, {.since = 8});
  }
};

// Brokers, topics and their partitions' leaders.
struct MetadataResponse {
  static constexpr std::string_view name = "MetadataResponse";
  static constexpr ApiKey key = ApiKey::metadata;
  static constexpr std::int16_t min_version = 0, max_version = 12, flexible_from = 9;

  struct Broker {
    std::int32_t node_id = 0;
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("node_id", m.node_id);
      io("host", m.host);
      io("port", m.port);
      io("rack", m.rack, {.since = 1});
    }
  };

  struct Topic {
    struct Partition {
      ErrorCode error_code = ErrorCode::none;
      std::int32_t partition_index = 0;
      std::int32_t leader_id = 0;
      std::int32_t leader_epoch = -1;
      std::vector<std::int32_t> replica_nodes;
      std::vector<std::int32_t> isr_nodes;
      std::vector<std::int32_t> offline_replicas;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("error_code", m.error_code);
        io("partition_index", m.partition_index);
        io("leader_id", m.leader_id);
        io("leader_epoch", m.leader_epoch, {.since = 7});
        io("replica_nodes", m.replica_nodes);
        io("isr_nodes", m.isr_nodes);
        io("offline_replicas", m.offline_replicas, {.since = 5});
      }
    };

    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> name;
    Uuid topic_id;
    bool is_internal = false;
    std::vector<Partition> partitions;
    std::int32_t topic_authorized_operations = kNoAuthorizedOperations;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("error_code", m.error_code);
      io("name", m.name, {.nullable_since = 12});
      io("topic_id", m.topic_id, {.since = 10});
      io("is_internal", m.is_internal, {.since = 1});
      io("partitions", m.partitions);
      io("topic_authorized_operations", m.topic_authorized_operations, {.since = 8});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Broker> brokers;
  std::optional<std::string> cluster_id;
  std::int32_t controller_id = -1;
  std::vector<Topic> topics;
  std::int32_t cluster_authorized_operations = kNoAuthorizedOperations;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms, {.since = 3});
    io("brokers", m.brokers);
    io("cluster_id", m.cluster_id, {.since = 2});
    io("controller_id", m.controller_id, {.since = 1});
    io("topics", m.topics);
    io("cluster_authorized_operations", m.cluster_authorized_operations, {.since = 8, .until = 10});
  }
};

}  // namespace sluice::wire
