#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// One member leaves, or from v3 several.
struct LeaveGroupRequest {
  static constexpr std::string_view name = "LeaveGroupRequest";
  static constexpr ApiKey key = ApiKey::leave_group;
  static constexpr std::int16_t min_version = 0, max_version = 5, flexible_from = 4;

  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::optional<std::string> reason;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("member_id", m.member_id);
      io("group_instance_id", m.group_instance_id);
      io("reason", m.reason, {.since = 5});
    }
  };

  std::string group_id;
  std::string member_id;
  std::vector<Member> members;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("group_id", m.group_id);
    io("member_id", m.member_id, {.until = 2});
    io("members", m.members, {.since = 3});
  }
};

// The result of each member from v3.
struct LeaveGroupResponse {
  static constexpr std::string_view name = "LeaveGroupResponse";
  static constexpr ApiKey key = ApiKey::leave_group;
  static constexpr std::int16_t min_version = 0, max_version = 5, flexible_from = 4;

  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    ErrorCode error_code = ErrorCode::none;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("member_id", m.member_id);
      io("group_instance_id", m.group_instance_id);
      io("error_code", m.error_code);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<Member> members;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms, {.since = 1});
    io("error_code", m.error_code);
    io("members", m.members, {.since = 3});
  }
};

}  // namespace sluice::wire
