#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Groups to delete; only empty ones can be.
struct DeleteGroupsRequest {
  static constexpr std::string_view name = "DeleteGroupsRequest";
  static constexpr ApiKey key = ApiKey::delete_groups;
  static constexpr std::int16_t min_version = 0, max_version = 2, flexible_from = 2;

  std::vector<std::string> groups_names;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("groups_names", m.groups_names);
  }
};

// The result of each group.
struct DeleteGroupsResponse {
  static constexpr std::string_view name = "DeleteGroupsResponse";
  static constexpr ApiKey key = ApiKey::delete_groups;
  static constexpr std::int16_t min_version = 0, max_version = 2, flexible_from = 2;

  struct Result {
    std::string group_id;
    ErrorCode error_code = ErrorCode::none;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("group_id", m.group_id);
      io("error_code", m.error_code);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Result> results;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms);
    io("results", m.results);
  }
};

}  // namespace sluice::wire
