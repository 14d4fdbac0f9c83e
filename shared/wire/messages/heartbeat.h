#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Keeps a member's session alive.
struct HeartbeatRequest {
  static constexpr std::string_view name = "HeartbeatRequest";
  static constexpr ApiKey key = ApiKey::heartbeat;
  static constexpr std::int16_t min_version = 0, max_version = 4, flexible_from = 4;

  std::string group_id;
  std::int32_t generation_id = 0;
  std::string member_id;
  std::optional<std::string> group_instance_id;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("group_id", m.group_id);
    io("generation_id", m.generation_id);
    io("member_id", m.member_id);
    io("group_instance_id", m.group_instance_id, {.since = 3});
  }
};

// rebalance_in_progress tells the member to join again.
struct HeartbeatResponse {
  static constexpr std::string_view name = "HeartbeatResponse";
  static constexpr ApiKey key = ApiKey::heartbeat;
  static constexpr std::int16_t min_version = 0, max_version = 4, flexible_from = 4;

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms, {.since = 1});
    io("error_code", m.error_code);
  }
};

}  // namespace sluice::wire
