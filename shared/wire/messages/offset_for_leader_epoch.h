#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Where a leader epoch ended, by which consumers detect truncation.
struct OffsetForLeaderEpochRequest {
  static constexpr std::string_view name = "OffsetForLeaderEpochRequest";
  static constexpr ApiKey key = ApiKey::offset_for_leader_epoch;
  static constexpr std::int16_t min_version = 2, max_version = 4, flexible_from = 4;

  struct Topic {
    struct Partition {
      std::int32_t partition = 0;
      std::int32_t current_leader_epoch = -1;
      std::int32_t leader_epoch = 0;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("partition", m.partition);
        io("current_leader_epoch", m.current_leader_epoch);
        io("leader_epoch", m.leader_epoch);
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

  std::int32_t replica_id = -2;
  std::vector<Topic> topics;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("replica_id", m.replica_id, {.since = 3});
    io("topics", m.topics);
  }
};

// The largest epoch not above the one asked for, and its end.
struct OffsetForLeaderEpochResponse {
  static constexpr std::string_view name = "OffsetForLeaderEpochResponse";
  static constexpr ApiKey key = ApiKey::offset_for_leader_epoch;
  static constexpr std::int16_t min_version = 2, max_version = 4, flexible_from = 4;

  struct Topic {
    struct Partition {
      ErrorCode error_code = ErrorCode::none;
      std::int32_t partition = 0;
      std::int32_t leader_epoch = -1;
      std::int64_t end_offset = -1;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("error_code", m.error_code);
        io("partition", m.partition);
        io("leader_epoch", m.leader_epoch);
        io("end_offset", m.end_offset);
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
  std::vector<Topic> topics;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms);
    io("topics", m.topics);
  }
};

}  // namespace sluice::wire
