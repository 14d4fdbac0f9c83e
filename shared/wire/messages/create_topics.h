#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Topics to create; -1 partitions or replicas ask for the broker's default (v4).
struct CreateTopicsRequest {
  static constexpr std::string_view name = "CreateTopicsRequest";
  static constexpr ApiKey key = ApiKey::create_topics;
  static constexpr std::int16_t min_version = 0, max_version = 7, flexible_from = 5;

  struct Topic {
    struct Assignment {
      std::int32_t partition_index = 0;
      std::vector<std::int32_t> broker_ids;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("partition_index", m.partition_index);
        io("broker_ids", m.broker_ids);
      }
    };

    struct Config {
      std::string name;
      std::optional<std::string> value;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("name", m.name);
        io("value", m.value);
      }
    };

    std::string name;
    std::int32_t num_partitions = 0;
    std::int16_t replication_factor = 0;
    std::vector<Assignment> assignments;
    std::vector<Config> configs;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("name", m.name);
      io("num_partitions", m.num_partitions);
      io("replication_factor", m.replication_factor);
      io("assignments", m.assignments);
      io("configs", m.configs);
    }
  };

  std::vector<Topic> topics;
  std::int32_t timeout_ms = 60000;
  bool validate_only = false;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("topics", m.topics);
    io("timeout_ms", m.timeout_ms);
    io("validate_only", m.validate_only, {.since = 1});
  }
};

// The result of each topic, from v5 with its configuration.
struct CreateTopicsResponse {
  static constexpr std::string_view name = "CreateTopicsResponse";
  static constexpr ApiKey key = ApiKey::create_topics;
  static constexpr std::int16_t min_version = 0, max_version = 7, flexible_from = 5;

  struct Topic {
    struct Config {
      std::string name;
      std::optional<std::string> value;
      bool read_only = false;
      std::int8_t config_source = -1;
      bool is_sensitive = false;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("name", m.name);
        io("value", m.value);
        io("read_only", m.read_only);
        io("config_source", m.config_source);
        io("is_sensitive", m.is_sensitive);
      }
    };

    std::string name;
    Uuid topic_id;
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
    ErrorCode topic_config_error_code = ErrorCode::none;
    std::int32_t num_partitions = -1;
    std::int16_t replication_factor = -1;
    std::optional<std::vector<Config>> configs;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("name", m.name);
      io("topic_id", m.topic_id, {.since = 7});
      io("error_code", m.error_code);
      io("error_message", m.error_message, {.since = 1});
      io.tagged(0, "topic_config_error_code", m.topic_config_error_code, {.since = 5});
      io("num_partitions", m.num_partitions, {.since = 5});
      io("replication_factor", m.replication_factor, {.since = 5});
      io("configs", m.configs, {.since = 5});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Topic> topics;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms, {.since = 2});
    io("topics", m.topics);
  }
};

}  // namespace sluice::wire
