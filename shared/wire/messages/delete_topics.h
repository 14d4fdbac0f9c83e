#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Topics to delete by name, from v6 by name or id.
struct DeleteTopicsRequest {
  static constexpr std::string_view name = "DeleteTopicsRequest";
  static constexpr ApiKey key = ApiKey::delete_topics;
  static constexpr std::int16_t min_version = 0, max_version = 6, flexible_from = 4;

  struct Topic {
    std::optional<std::string> name;
    Uuid topic_id;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("name", m.name);
      io("topic_id", m.topic_id);
    }
  };

  std::vector<Topic> topics;
  std::vector<std::string> topic_names;
  std::int32_t timeout_ms = 0;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("topics", m.topics, {.since = 6});
    io("topic_names", m.topic_names, {.until = 5});
    io("timeout_ms", m.timeout_ms);
  }
};

// The result of each topic.
struct DeleteTopicsResponse {
  static constexpr std::string_view name = "DeleteTopicsResponse";
  static constexpr ApiKey key = ApiKey::delete_topics;
  static constexpr std::int16_t min_version = 0, max_version = 6, flexible_from = 4;

  struct Topic {
    std::optional<std::string> name;
    Uuid topic_id;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("name", m.name, {.nullable_since = 6});
      io("topic_id", m.topic_id, {.since = 6});
      io("error_code", m.error_code);
      io("error_message", m.error_message, {.since = 5});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> responses;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms, {.since = 1});
    io("responses", m.responses);
  }
};

}  // namespace sluice::wire
