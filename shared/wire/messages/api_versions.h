#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Which versions the broker offers; the first request of nearly every client.
struct ApiVersionsRequest {
  static constexpr std::string_view name = "ApiVersionsRequest";
  static constexpr ApiKey key = ApiKey::api_versions;
  static constexpr std::int16_t min_version = 0, max_version = 4, flexible_from = 3;

  std::string client_software_name;
  std::string client_software_version;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("client_software_name", m.client_software_name, {.since = 3});
    io("client_software_version", m.client_software_version, {.since = 3});
  }
};

// To a version that the broker lacks the reply is v0 with unsupported_version (KIP-511).
struct ApiVersionsResponse {
  static constexpr std::string_view name = "ApiVersionsResponse";
  static constexpr ApiKey key = ApiKey::api_versions;
  static constexpr std::int16_t min_version = 0, max_version = 4, flexible_from = 3;

  struct ApiVersion {
    ApiKey api_key = ApiKey::produce;
    std::int16_t min_version = 0;
    std::int16_t max_version = 0;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("api_key", m.api_key);
      io("min_version", m.min_version);
      io("max_version", m.max_version);
    }
  };

  struct SupportedFeature {
    std::string name;
    std::int16_t min_version = 0;
    std::int16_t max_version = 0;
    friend bool operator==(const SupportedFeature&, const SupportedFeature&) = default;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("name", m.name);
      io("min_version", m.min_version);
      io("max_version", m.max_version);
    }
  };

  struct FinalizedFeature {
    std::string name;
    std::int16_t max_version_level = 0;
    std::int16_t min_version_level = 0;
    friend bool operator==(const FinalizedFeature&, const FinalizedFeature&) = default;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("name", m.name);
      io("max_version_level", m.max_version_level);
      io("min_version_level", m.min_version_level);
    }
  };

  ErrorCode error_code = ErrorCode::none;
  std::vector<ApiVersion> api_keys;
  std::int32_t throttle_time_ms = 0;
  std::vector<SupportedFeature> supported_features;
  std::int64_t finalized_features_epoch = -1;
  std::vector<FinalizedFeature> finalized_features;
  bool zk_migration_ready = false;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("error_code", m.error_code);
    io("api_keys", m.api_keys);
    io("throttle_time_ms", m.throttle_time_ms, {.since = 1});
    io.tagged(0, "supported_features", m.supported_features, {.since = 3});
    io.tagged(1, "finalized_features_epoch", m.finalized_features_epoch,
              {.since = 3, .absent = -1});
    io.tagged(2, "finalized_features", m.finalized_features, {.since = 3});
    io.tagged(3, "zk_migration_ready", m.zk_migration_ready, {.since = 3});
  }
};

}  // namespace sluice::wire
