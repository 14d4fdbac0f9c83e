#pragma once

#include "shared/base/shared_bytes.h"
#include "shared/wire/fields.h"

namespace sluice::wire {

// Reads records from partitions, waiting up to max_wait_ms for min_bytes. Sessions: KIP-227.
struct FetchRequest {
  static constexpr std::string_view name = "FetchRequest";
  static constexpr ApiKey key = ApiKey::fetch;
  static constexpr std::int16_t min_version = 4, max_version = 12, flexible_from = 12;

  struct Topic {
    struct Partition {
      std::int32_t partition = 0;
      std::int32_t current_leader_epoch = -1;
      std::int64_t fetch_offset = 0;
      std::int32_t last_fetched_epoch = -1;
      std::int64_t log_start_offset = -1;
      std::int32_t partition_max_bytes = 0;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("partition", m.partition);
        io("current_leader_epoch", m.current_leader_epoch, {.since = 9});
        io("fetch_offset", m.fetch_offset);
        io("last_fetched_epoch", m.last_fetched_epoch, {.since = 12});
        io("log_start_offset", m.log_start_offset, {.since = 5});
        io("partition_max_bytes", m.partition_max_bytes);
      }
    };

    std::string topic;
    std::vector<Partition> partitions;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("topic", m.topic);
      io("partitions", m.partitions);
    }
  };

  struct ForgottenTopic {
    std::string topic;
    std::vector<std::int32_t> partitions;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("topic", m.topic);
      io("partitions", m.partitions);
    }
  };

  std::optional<std::string> cluster_id;
  std::int32_t replica_id = -1;
  std::int32_t max_wait_ms = 0;
  std::int32_t min_bytes = 0;
  std::int32_t max_bytes = 0x7fffffff;
  std::int8_t isolation_level = 0;
  std::int32_t session_id = 0;
  std::int32_t session_epoch = -1;
  std::vector<Topic> topics;
  std::vector<ForgottenTopic> forgotten_topics_data;
  std::string rack_id;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io.tagged(0, "cluster_id", m.cluster_id, {.since = 12});
    io("replica_id", m.replica_id);
    io("max_wait_ms", m.max_wait_ms);
    io("min_bytes", m.min_bytes);
    io("max_bytes", m.max_bytes);
    io("isolation_level", m.isolation_level);
    io("session_id", m.session_id, {.since = 7});
    io("session_epoch", m.session_epoch, {.since = 7});
    io("topics", m.topics);
    io("forgotten_topics_data", m.forgotten_topics_data, {.since = 7});
    io("rack_id", m.rack_id, {.since = 11});
  }
};

// Whole record batches; the first may begin below the offset that was asked for.
struct FetchResponse {
  static constexpr std::string_view name = "FetchResponse";
  static constexpr ApiKey key = ApiKey::fetch;
  static constexpr std::int16_t min_version = 4, max_version = 12, flexible_from = 12;

  struct Topic {
    struct Partition {
      struct EpochEnd {
        std::int32_t epoch = -1;
        std::int64_t end_offset = -1;
        friend bool operator==(const EpochEnd&, const EpochEnd&) = default;

        template <class Io, class M>
        static void fields(Io& io, M& m) {
          io("epoch", m.epoch);
          io("end_offset", m.end_offset);
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

      struct Snapshot {
        std::int64_t end_offset = -1;
        std::int32_t epoch = -1;
        friend bool operator==(const Snapshot&, const Snapshot&) = default;

        template <class Io, class M>
        static void fields(Io& io, M& m) {
          io("end_offset", m.end_offset);
          io("epoch", m.epoch);
        }
      };

      struct AbortedTransaction {
        std::int64_t producer_id = 0;
        std::int64_t first_offset = 0;

        template <class Io, class M>
        static void fields(Io& io, M& m) {
          io("producer_id", m.producer_id);
          io("first_offset", m.first_offset);
        }
      };

      std::int32_t partition_index = 0;
      ErrorCode error_code = ErrorCode::none;
      std::int64_t high_watermark = 0;
      std::int64_t last_stable_offset = -1;
      std::int64_t log_start_offset = -1;
      EpochEnd diverging_epoch;
      Leader current_leader;
      Snapshot snapshot_id;
      std::optional<std::vector<AbortedTransaction>> aborted_transactions;
      std::int32_t preferred_read_replica = -1;
      std::optional<SharedBytes> records;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("partition_index", m.partition_index);
        io("error_code", m.error_code);
        io("high_watermark", m.high_watermark);
        io("last_stable_offset", m.last_stable_offset);
        io("log_start_offset", m.log_start_offset, {.since = 5});
        io.tagged(0, "diverging_epoch", m.diverging_epoch, {.since = 12});
        io.tagged(1, "current_leader", m.current_leader, {.since = 12});
        io.tagged(2, "snapshot_id", m.snapshot_id, {.since = 12});
        io("aborted_transactions", m.aborted_transactions);
        io("preferred_read_replica", m.preferred_read_replica, {.since = 11});
        io.bytes("records", m.records);
      }
    };

    std::string topic;
    std::vector<Partition> partitions;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("topic", m.topic);
      io("partitions", m.partitions);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::int32_t session_id = 0;
  std::vector<Topic> responses;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms);
    io("error_code", m.error_code, {.since = 7});
    io("session_id", m.session_id, {.since = 7});
    io("responses", m.responses);
  }
};

}  // namespace sluice::wire
