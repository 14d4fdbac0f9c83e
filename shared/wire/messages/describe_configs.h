#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Configuration of topics (type 2), brokers (4) and groups (32); keys null means all.
struct DescribeConfigsRequest {
  static constexpr std::string_view name = "DescribeConfigsRequest";
  static constexpr ApiKey key = ApiKey::describe_configs;
  static constexpr std::int16_t min_version = 0, max_version = 4, flexible_from = 4;

  struct Resource {
    std::int8_t resource_type = 0;
    std::string resource_name;
    std::optional<std::vector<std::string>> configuration_keys;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("resource_type", m.resource_type);
      io("resource_name", m.resource_name);
      io("configuration_keys", m.configuration_keys);
    }
  };

  std::vector<Resource> resources;
  bool include_synonyms = false;
  bool include_documentation = false;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("resources", m.resources);
    io("include_synonyms", m.include_synonyms, {.since = 1});
    io("include_documentation", m.include_documentation, {.since = 3});
  }
};

// Each resource's configuration and where each value comes from.
struct DescribeConfigsResponse {
  static constexpr std::string_view name = "DescribeConfigsResponse";
  static constexpr ApiKey key = ApiKey::describe_configs;
  static constexpr std::int16_t min_version = 0, max_version = 4, flexible_from = 4;

  struct Result {
    struct Config {
      struct Synonym {
        std::string name;
        std::optional<std::string> value;
        std::int8_t source = 0;

        template <class Io, class M>
        static void fields(Io& io, M& m) {
          io("name", m.name);
          io("value", m.value);
          io("source", m.source);
        }
      };

      std::string name;
      std::optional<std::string> value;
      bool read_only = false;
      bool is_default = false;
      std::int8_t config_source = -1;
      bool is_sensitive = false;
      std::vector<Synonym> synonyms;
      std::int8_t config_type = 0;
      std::optional<std::string> documentation;

      template <class Io, class M>
      static void fields(Io& io, M& m) {
        io("name", m.name);
        io("value", m.value);
        io("read_only", m.read_only);
        io("is_default", m.is_default, {.until = 0});
        io("config_source", m.config_source, {.since = 1});
        io("is_sensitive", m.is_sensitive);
        io("synonyms", m.synonyms, {.since = 1});
        io("config_type", m.config_type, {.since = 3});
        io("documentation", m.documentation, {.since = 3});
      }
    };

    ErrorCode error_code = ErrorCode::none;
    std::optional<std::string> error_message;
    std::int8_t resource_type = 0;
    std::string resource_name;
    std::vector<Config> configs;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("error_code", m.error_code);
      io("error_message", m.error_message);
      io("resource_type", m.resource_type);
      io("resource_name", m.resource_name);
      io("configs", m.configs);
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
