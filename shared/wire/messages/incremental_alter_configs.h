#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Changes single configurations of topics (type 2) and brokers (4) (KIP-339).
struct IncrementalAlterConfigsRequest {
  static constexpr std::string_view name = "IncrementalAlterConfigsRequest";
  static constexpr ApiKey key = ApiKey::incremental_alter_configs;
  static constexpr std::int16_t min_version = 0, max_version = 1, flexible_from = 1;

  struct Resource {
    struct Config {
      std::string name;
      std::int8_t config_operation = 0;  // 0 set, 1 delete, 2 append, 3 subtract
      std::optional<std::string> value;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("name", m.name);
        io("config_operation", m.config_operation);
        io("value", m.value);
      }
    };

    std::int8_t resource_type = 0;
    std::string resource_name;
    std::vector<Config> configs;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("resource_type", m.resource_type);
      io("resource_name", m.resource_name);
      io("configs", m.configs);
    }
  };

  std::vector<Resource> resources;
  bool validate_only = false;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("resources", m.resources);
    io("validate_only", m.validate_only);
  }
};

// The result of each resource.
struct IncrementalAlterConfigsResponse {
  static constexpr std::string_view name = "IncrementalAlterConfigsResponse";
  static constexpr ApiKey key = ApiKey::incremental_alter_configs;
  static constexpr std::int16_t min_version = 0, max_version = 1, flexible_from = 1;

  struct Result {
    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
    std::int8_t resource_type = 0;
    std::string resource_name;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("error_code", m.error_code);
      io("error_message", m.error_message);
      io("resource_type", m.resource_type);
      io("resource_name", m.resource_name);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<Result> responses;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms);
    io("responses", m.responses);
  }
};

}  // namespace sluice::wire
