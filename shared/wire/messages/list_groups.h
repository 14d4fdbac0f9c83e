#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// The groups in one of the states and of one of the types; none named means all.
struct ListGroupsRequest {
  static constexpr std::string_view name = "ListGroupsRequest";
  static constexpr ApiKey key = ApiKey::list_groups;
  static constexpr std::int16_t min_version = 0, max_version = 5, flexible_from = 3;

  std::vector<std::string> states_filter;
  std::vector<std::string> types_filter;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("states_filter", m.states_filter, {.since = 4});
    io("types_filter", m.types_filter, {.since = 5});
  }
};

// Group ids with what the listing of that version shows.
struct ListGroupsResponse {
  static constexpr std::string_view name = "ListGroupsResponse";
  static constexpr ApiKey key = ApiKey::list_groups;
  static constexpr std::int16_t min_version = 0, max_version = 5, flexible_from = 3;

  struct Group {
    std::string group_id;
    std::string protocol_type;
    std::string group_state;
    std::string group_type;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("group_id", m.group_id);
      io("protocol_type", m.protocol_type);
      io("group_state", m.group_state, {.since = 4});
      io("group_type", m.group_type, {.since = 5});
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::vector<Group> groups;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms, {.since = 1});
    io("error_code", m.error_code);
    io("groups", m.groups);
  }
};

}  // namespace sluice::wire
