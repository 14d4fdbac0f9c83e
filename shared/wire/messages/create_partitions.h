#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Raises topics to `count` partitions.
struct CreatePartitionsRequest {
  static constexpr std::string_view name = "CreatePartitionsRequest";
  static constexpr ApiKey key = ApiKey::create_partitions;
  static constexpr std::int16_t min_version = 0, max_version = 3, flexible_from = 2;

  struct Topic {
    struct Assignment {
      std::vector<std::int32_t> broker_ids;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("broker_ids", m.broker_ids);
      }
    };

    std::string name;
    std::int32_t count = 0;
    std::optional<std::vector<Assignment>> assignments;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("name", m.name);
      io("count", m.count);
      io("assignments", m.assignments);
    }
  };

  std::vector<Topic> topics;
  std::int32_t timeout_ms = 0;
  bool validate_only = false;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("topics", m.topics);
    io("timeout_ms", m.timeout_ms);
    io("validate_only", m.validate_only);
  }
};

// The result of each topic.
struct CreatePartitionsResponse {
  static constexpr std::string_view name = "CreatePartitionsResponse";
  static constexpr ApiKey key = ApiKey::create_partitions;
  static constexpr std::int16_t min_version = 0, max_version = 3, flexible_from = 2;

  struct Result {
    std::string name;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("name", m.name);
      io("error_code", m.error_code);
      io("error_message", m.error_message);
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
