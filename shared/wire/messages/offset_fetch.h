#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Committed offsets of one group, or from v8 of several. Topics null means all (v2).
struct OffsetFetchRequest {
  static constexpr std::string_view name = "OffsetFetchRequest";
  static constexpr ApiKey key = ApiKey::offset_fetch;
  static constexpr std::int16_t min_version = 0, max_version = 8, flexible_from = 6;

  struct Topic {
    std::string name;
    std::vector<std::int32_t> partition_indexes;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("name", m.name);
      io("partition_indexes", m.partition_indexes);
    }
  };

  struct Group {
    std::string group_id;
    std::optional<std::vector<Topic>> topics;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("group_id", m.group_id);
      io("topics", m.topics);
    }
  };

  std::string group_id;
  std::optional<std::vector<Topic>> topics;
  std::vector<Group> groups;
  bool require_stable = false;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("group_id", m.group_id, {.until = 7});
    io("topics", m.topics, {.until = 7, .nullable_since = 2});
    io("groups", m.groups, {.since = 8});
    io("require_stable", m.require_stable, {.since = 7});
  }
};

// Offset -1 without an error where nothing was committed.
struct OffsetFetchResponse {
  static constexpr std::string_view name = "OffsetFetchResponse";
  static constexpr ApiKey key = ApiKey::offset_fetch;
  static constexpr std::int16_t min_version = 0, max_version = 8, flexible_from = 6;

  struct Topic {
    struct Partition {
      std::int32_t partition_index = 0;
      std::int64_t committed_offset = 0;
      std::int32_t committed_leader_epoch = -1;
      std::optional<std::string> metadata;
      ErrorCode error_code = ErrorCode::none;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("partition_index", m.partition_index);
        io("committed_offset", m.committed_offset);
        io("committed_leader_epoch", m.committed_leader_epoch, {.since = 5});
        io("metadata", m.metadata);
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

  struct Group {
    std::string group_id;
    std::vector<Topic> topics;
    ErrorCode error_code = ErrorCode::none;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("group_id", m.group_id);
      io("topics", m.topics);
      io("error_code", m.error_code);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;
  ErrorCode error_code = ErrorCode::none;
  std::vector<Group> groups;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms, {.since = 3});
    io("topics", m.topics, {.until = 7});
    io("error_code", m.error_code, {.since = 2, .until = 7});
    io("groups", m.groups, {.since = 8});
  }
};

}  // namespace sluice::wire
