#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Offsets that a group's member, or a consumer outside of any group (generation -1), has reached.
struct OffsetCommitRequest {
  static constexpr std::string_view name = "OffsetCommitRequest";
  static constexpr ApiKey key = ApiKey::offset_commit;
  static constexpr std::int16_t min_version = 0, max_version = 8, flexible_from = 8;

  struct Topic {
    struct Partition {
      std::int32_t partition_index = 0;
      std::int64_t committed_offset = 0;
      std::int32_t committed_leader_epoch = -1;
      std::int64_t commit_timestamp = -1;
      std::optional<std::string> committed_metadata;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("partition_index", m.partition_index);
        io("committed_offset", m.committed_offset);
        io("committed_leader_epoch", m.committed_leader_epoch, {.since = 6});
        io("commit_timestamp", m.commit_timestamp, {.since = 1, .until = 1});
        io("committed_metadata", m.committed_metadata);
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

  std::string group_id;
  std::int32_t generation_id_or_member_epoch = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::int64_t retention_time_ms = -1;
  std::vector<Topic> topics;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("group_id", m.group_id);
    io("generation_id_or_member_epoch", m.generation_id_or_member_epoch, {.since = 1});
    io("member_id", m.member_id, {.since = 1});
    io("group_instance_id", m.group_instance_id, {.since = 7});
    io("retention_time_ms", m.retention_time_ms, {.since = 2, .until = 4});
    io("topics", m.topics);
  }
};

// The result of each partition.
struct OffsetCommitResponse {
  static constexpr std::string_view name = "OffsetCommitResponse";
  static constexpr ApiKey key = ApiKey::offset_commit;
  static constexpr std::int16_t min_version = 0, max_version = 8, flexible_from = 8;

  struct Topic {
    struct Partition {
      std::int32_t partition_index = 0;
      ErrorCode error_code = ErrorCode::none;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("partition_index", m.partition_index);
        io("error_code", m.error_code);
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
    io("throttle_time_ms", m.throttle_time_ms, {.since = 3});
    io("topics", m.topics);
  }
};

}  // namespace sluice::wire
