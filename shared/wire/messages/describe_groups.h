#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// State and members of groups.
struct DescribeGroupsRequest {
  static constexpr std::string_view name = "DescribeGroupsRequest";
  static constexpr ApiKey key = ApiKey::describe_groups;
  static constexpr std::int16_t min_version = 0, max_version = 5, flexible_from = 5;

  std::vector<std::string> groups;
  bool include_authorized_operations = false;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("groups", m.groups);
    io("include_authorized_operations", m.include_authorized_operations, {.since = 3});
  }
};

// A group that does not exist is `Dead` without an error.
struct DescribeGroupsResponse {
  static constexpr std::string_view name = "DescribeGroupsResponse";
  static constexpr ApiKey key = ApiKey::describe_groups;
  static constexpr std::int16_t min_version = 0, max_version = 5, flexible_from = 5;

  struct Group {
    struct Member {
      std::string member_id;
      std::optional<std::string> group_instance_id;
      std::string client_id;
      std::string client_host;
      Buffer member_metadata;
      Buffer member_assignment;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("member_id", m.member_id);
        io("group_instance_id", m.group_instance_id, {.since = 4});
        io("client_id", m.client_id);
        io("client_host", m.client_host);
        io.bytes("member_metadata", m.member_metadata);
        io.bytes("member_assignment", m.member_assignment);
      }
    };

    ErrorCode error_code = ErrorCode::none;
    std::string group_id;
    std::string group_state;
    std::string protocol_type;
    std::string protocol_data;
    std::vector<Member> members;
    std::int32_t authorized_operations = kNoAuthorizedOperations;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("error_code", m.error_code);
      io("group_id", m.group_id);
      io("group_state", m.group_state);
      io("protocol_type", m.protocol_type);
      io("protocol_data", m.protocol_data);
      io("members", m.members);
      io("authorized_operations", m.authorized_operations, {.since = 3});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Group> groups;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms, {.since = 1});
    io("groups", m.groups);
  }
};

}  // namespace sluice::wire
