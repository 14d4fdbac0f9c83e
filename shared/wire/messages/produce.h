#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Record batches for partitions. `acks` of 0 means that no response is sent at all.
struct ProduceRequest {
  static constexpr std::string_view name = "ProduceRequest";
  static constexpr ApiKey key = ApiKey::produce;
  static constexpr std::int16_t min_version = 3, max_version = 11, flexible_from = 9;

  struct Topic {
    struct Partition {
      std::int32_t index = 0;
      std::optional<ByteView> records;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("index", m.index);
        io.bytes("records", m.records);
      }
    };

    std::string name;
    std::vector<Partition> partition_data;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("name", m.name);
      io("partition_data", m.partition_data);
    }
  };

  std::optional<std::string> transactional_id;
  std::int16_t acks = 0;
  std::int32_t timeout_ms = 0;
  std::vector<Topic> topic_data;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("transactional_id", m.transactional_id);
    io("acks", m.acks);
    io("timeout_ms", m.timeout_ms);
    io("topic_data", m.topic_data);
  }
};

// Where each partition's records went; log_append_time_ms is -1 when the producer's times stand.
struct ProduceResponse {
  static constexpr std::string_view name = "ProduceResponse";
  static constexpr ApiKey key = ApiKey::produce;
  static constexpr std::int16_t min_version = 3, max_version = 11, flexible_from = 9;

  struct Topic {
    struct Partition {
      struct RecordError {
        std::int32_t batch_index = 0;
        std::optional<std::string> batch_index_error_message;

        template <class Io, class M>
        static void fields(Io& io, M& m) {
          io("batch_index", m.batch_index);
          io("batch_index_error_message", m.batch_index_error_message);
        }
      };

      struct Leader {
        std::int32_t leader_id = -1;
        std::int32_t leader_epoch = -1;
        friend bool operator==(const Leader&, const Leader&) = default;

        template <class Io, class M>
        static void fields(Io& io, M& m) {
          io("leader_id", m.leader_id);
          io("leader_epoch", m.leader_epoch);
        }
      };

      std::int32_t index = 0;
      ErrorCode error_code = ErrorCode::none;
      std::int64_t base_offset = 0;
      std::int64_t log_append_time_ms = -1;
      std::int64_t log_start_offset = -1;
      std::vector<RecordError> record_errors;
      std::optional<std::string> error_message;
      Leader current_leader;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("index", m.index);
        io("error_code", m.error_code);
        io("base_offset", m.base_offset);
        io("log_append_time_ms", m.log_append_time_ms);
        io("log_start_offset", m.log_start_offset, {.since = 5});
        io("record_errors", m.record_errors, {.since = 8});
        io("error_message", m.error_message, {.since = 8});
        io.tagged(0, "current_leader", m.current_leader, {.since = 10});
      }
    };

    std::string name;
    std::vector<Partition> partition_responses;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("name", m.name);
      io("partition_responses", m.partition_responses);
    }
  };

  struct NodeEndpoint {
    std::int32_t node_id = 0;
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;
    friend bool operator==(const NodeEndpoint&, const NodeEndpoint&) = default;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("node_id", m.node_id);
      io("host", m.host);
      io("port", m.port);
      io("rack", m.rack);
    }
  };

  std::vector<Topic> responses;
  std::int32_t throttle_time_ms = 0;
  std::vector<NodeEndpoint> node_endpoints;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("responses", m.responses);
    io("throttle_time_ms", m.throttle_time_ms);
    io.tagged(0, "node_endpoints", m.node_endpoints, {.since = 10});
  }
};

}  // namespace sluice::wire
