#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Offsets by time; `timestamp` -1 asks for the end, -2 for the start, -3 (v7) for the latest time.
struct ListOffsetsRequest {
  static constexpr std::string_view name = "ListOffsetsRequest";
  static constexpr ApiKey key = ApiKey::list_offsets;
  static constexpr std::int16_t min_version = 0, max_version = 7, flexible_from = 6;

  struct Topic {
    struct Partition {
      std::int32_t partition_index = 0;
      std::int32_t current_leader_epoch = -1;
      std::int64_t timestamp = 0;
      std::int32_t max_num_offsets = 1;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("partition_index", m.partition_index);
        io("current_leader_epoch", m.current_leader_epoch, {.since = 4});
        io("timestamp", m.timestamp);
        io("max_num_offsets", m.max_num_offsets, {.until = 0});
      }
    };

    std::string name;
    std::vector<Partition> partitions;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("name", m.name);
      io("partitions", m.partitions);
    }
  };

  std::int32_t replica_id = -1;
  std::int8_t isolation_level = 0;
  std::vector<Topic> topics;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("replica_id", m.replica_id);
    io("isolation_level", m.isolation_level, {.since = 2});
    io("topics", m.topics);
  }
};

// Offset -1 where no record is that late.
struct ListOffsetsResponse {
  static constexpr std::string_view name = "ListOffsetsResponse";
  static constexpr ApiKey key = ApiKey::list_offsets;
  static constexpr std::int16_t min_version = 0, max_version = 7, flexible_from = 6;

  struct Topic {
    struct Partition {
      std::int32_t partition_index = 0;
      ErrorCode error_code = ErrorCode::none;
      std::vector<std::int64_t> old_style_offsets;
      std::int64_t timestamp = -1;
      std::int64_t offset = -1;
      std::int32_t leader_epoch = -1;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("partition_index", m.partition_index);
        io("error_code", m.error_code);
        io("old_style_offsets", m.old_style_offsets, {.until = 0});
        io("timestamp", m.timestamp, {.since = 1});
        io("offset", m.offset, {.since = 1});
        io("leader_epoch", m.leader_epoch, {.since = 4});
      }
    };

    std::string name;
    std::vector<Partition> partitions;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("name", m.name);
      io("partitions", m.partitions);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms, {.since = 2});
    io("topics", m.topics);
  }
};

}  // namespace sluice::wire
