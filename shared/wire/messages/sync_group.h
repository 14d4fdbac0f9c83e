#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// The leader hands in everybody's assignment, the others ask for theirs.
struct SyncGroupRequest {
  static constexpr std::string_view name = "SyncGroupRequest";
  static constexpr ApiKey key = ApiKey::sync_group;
  static constexpr std::int16_t min_version = 0, max_version = 5, flexible_from = 4;

  struct Assignment {
    std::string member_id;
    Buffer assignment;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("member_id", m.member_id);
      io.bytes("assignment", m.assignment);
    }
  };

  std::string group_id;
  std::int32_t generation_id = 0;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::vector<Assignment> assignments;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("group_id", m.group_id);
    io("generation_id", m.generation_id);
    io("member_id", m.member_id);
    io("group_instance_id", m.group_instance_id, {.since = 3});
    io("protocol_type", m.protocol_type, {.since = 5});
    io("protocol_name", m.protocol_name, {.since = 5});
    io("assignments", m.assignments);
  }
};

// The member's own assignment.
struct SyncGroupResponse {
  static constexpr std::string_view name = "SyncGroupResponse";
  static constexpr ApiKey key = ApiKey::sync_group;
  static constexpr std::int16_t min_version = 0, max_version = 5, flexible_from = 4;

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  Buffer assignment;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms, {.since = 1});
    io("error_code", m.error_code);
    io("protocol_type", m.protocol_type, {.since = 5});
    io("protocol_name", m.protocol_name, {.since = 5});
    io.bytes("assignment", m.assignment);
  }
};

}  // namespace sluice::wire
