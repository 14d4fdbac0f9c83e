#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Who coordinates a group (key type 0) or a transactional id (1); from v4 for several keys.
struct FindCoordinatorRequest {
  static constexpr std::string_view name = "FindCoordinatorRequest";
  static constexpr ApiKey key = ApiKey::find_coordinator;
  static constexpr std::int16_t min_version = 0, max_version = 4, flexible_from = 3;

  std::string coordinator_key;  // `key` in the schema
  std::int8_t key_type = 0;
  std::vector<std::string> coordinator_keys;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("key", m.coordinator_key, {.until = 3});
    io("key_type", m.key_type, {.since = 1});
    io("coordinator_keys", m.coordinator_keys, {.since = 4});
  }
};

// One broker, or from v4 one for each key.
struct FindCoordinatorResponse {
  static constexpr std::string_view name = "FindCoordinatorResponse";
  static constexpr ApiKey key = ApiKey::find_coordinator;
  static constexpr std::int16_t min_version = 0, max_version = 4, flexible_from = 3;

  struct Coordinator {
    std::string key;
    std::int32_t node_id = 0;
    std::string host;
    std::int32_t port = 0;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("key", m.key);
      io("node_id", m.node_id);
      io("host", m.host);
      io("port", m.port);
      io("error_code", m.error_code);
      io("error_message", m.error_message);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string> error_message;
  std::int32_t node_id = 0;
  std::string host;
  std::int32_t port = 0;
  std::vector<Coordinator> coordinators;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms, {.since = 1});
    io("error_code", m.error_code, {.until = 3});
    io("error_message", m.error_message, {.since = 1, .until = 3});
    io("node_id", m.node_id, {.until = 3});
    io("host", m.host, {.until = 3});
    io("port", m.port, {.until = 3});
    io("coordinators", m.coordinators, {.since = 4});
  }
};

}  // namespace sluice::wire
