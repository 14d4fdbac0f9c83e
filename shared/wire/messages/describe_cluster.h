#pragma once

#include "shared/wire/fields.h"

namespace sluice::wire {

// Cluster id, controller and brokers; endpoint type 1 means brokers, 2 controllers.
struct DescribeClusterRequest {
  static constexpr std::string_view name = "DescribeClusterRequest";
  static constexpr ApiKey key = ApiKey::describe_cluster;
  static constexpr std::int16_t min_version = 0, max_version = 1, flexible_from = 0;

  bool include_cluster_authorized_operations = false;
  std::int8_t endpoint_type = 1;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("include_cluster_authorized_operations", m.include_cluster_authorized_operations);
    io("endpoint_type", m.endpoint_type, {.since = 1});
  }
};

// The cluster as its brokers' clients see it.
struct DescribeClusterResponse {
  static constexpr std::string_view name = "DescribeClusterResponse";
  static constexpr ApiKey key = ApiKey::describe_cluster;
  static constexpr std::int16_t min_version = 0, max_version = 1, flexible_from = 0;

  struct Broker {
    std::int32_t broker_id = 0;
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("broker_id", m.broker_id);
      io("host", m.host);
      io("port", m.port);
      io("rack", m.rack);
    }
  };

  std::int32_t throttle_time_ms = 0;
  ErrorCode error_code = ErrorCode::none;
  std::optional<std::string> error_message;
  std::int8_t endpoint_type = 1;
  std::string cluster_id;
  std::int32_t controller_id = -1;
  std::vector<Broker> brokers;
  std::int32_t cluster_authorized_operations = kNoAuthorizedOperations;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io("throttle_time_ms", m.throttle_time_ms);
    io("error_code", m.error_code);
    io("error_message", m.error_message);
    io("endpoint_type", m.endpoint_type, {.since = 1});
    io("cluster_id", m.cluster_id);
    io("controller_id", m.controller_id);
    io("brokers", m.brokers);
    io("cluster_authorized_operations", m.cluster_authorized_operations);
  }
};

}  // namespace sluice::wire
