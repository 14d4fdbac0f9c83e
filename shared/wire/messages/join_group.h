#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Enters a group with the protocols that the member can speak, most wanted first.
struct JoinGroupRequest {
  static constexpr std::string_view name = "JoinGroupRequest";
  static constexpr ApiKey key = ApiKey::join_group;
  static constexpr std::int16_t min_version = 0, max_version = 9, flexible_from = 6;

  struct Protocol {
    std::string name;
    Buffer metadata;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("name", m.name);
      io.bytes("metadata", m.metadata);
    }
  };

  std::string group_id;
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::string protocol_type;
  std::vector<Protocol> protocols;
  std::optional<std::string> reason;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("group_id", m.group_id);
    io("session_timeout_ms", m.session_timeout_ms);
    io("rebalance_timeout_ms", m.rebalance_timeout_ms, {.since = 1});
    io("member_id", m.member_id);
    io("group_instance_id", m.group_instance_id, {.since = 5});
    io("protocol_type", m.protocol_type);
    io("protocols", m.protocols);
    io("reason", m.reason, {.since = 8});
  }
};

// The new generation. Only the leader gets the members.
struct JoinGroupResponse {
  static constexpr std::string_view name = "JoinGroupResponse";
  static constexpr ApiKey key = ApiKey::join_group;
  static constexpr std::int16_t min_version = 0, max_version = 9, flexible_from = 6;

  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    Buffer metadata;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("member_id", m.member_id);
      io("group_instance_id", m.group_instance_id, {.since = 5});
      io.bytes("metadata", m.metadata);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::int32_t generation_id = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::string leader;
  bool skip_assignment = false;
  std::string member_id;
  std::vector<Member> members;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms, {.since = 2});
    io("error_code", m.error_code);
    io("generation_id", m.generation_id);
    io("protocol_type", m.protocol_type, {.since = 7});
    io("protocol_name", m.protocol_name, {.nullable_since = 7});
    io("leader", m.leader);
    io("skip_assignment", m.skip_assignment, {.since = 9});
    io("member_id", m.member_id);
    io("members", m.members);
  }
};

}  // namespace sluice::wire
