#include "broker/admin/admin.h"

#include <chrono>

#include "shared/http/admin.h"

namespace sluice::broker {

Admin::Admin(net::Loop& loop, const Clock& clock, Broker& broker, Server& server)
    : clock_(clock),
      http_(loop, clock, {}, [this](http::Request& request) { return router_.route(request); }) {
  declare_metrics(broker, server);
  const auto healthy = [&broker]() -> Result<void> {
    if (const std::string reason = broker.unhealthy(); !reason.empty()) {
      return fail(Code::storage, reason);
    }
    return {};
  };
  // The listener opens only after the log was read, so whoever reaches us finds us ready.
  http::add_admin_routes(router_, {.healthy = healthy, .ready = healthy, .metrics = [this] {
                                     return metrics_.prometheus();
                                   }});
}

Result<net::HostPort> Admin::listen(const net::HostPort& at) {
  TRY_VOID(http_.listen(at));
  return http_.bound();
}

// All are read on the loop thread, which also serves /metrics.
void Admin::declare_metrics(Broker& broker, Server& server) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  metrics_.gauge("sluice_broker_connections", "Open client connections",
                 [&server, number] { return number(server.connections()); });
  metrics_.gauge("sluice_broker_topics", "Topics",
                 [&broker, number] { return number(broker.topics().all().size()); });
  metrics_.gauge("sluice_broker_partitions", "Partitions of all topics",
                 [&broker, number] { return number(broker.topics().partition_count()); });
  metrics_.gauge("sluice_broker_groups", "Consumer groups",
                 [&broker, number] { return number(broker.groups().coordinator().groups()); });
  metrics_.counter("sluice_broker_commits_total", "Group commits: one write and fsync each",
                   [&broker, number] { return number(broker.committer().stats().commits); });
  metrics_.counter(
      "sluice_broker_commit_requests_total",
      "Requests that group commits made durable; divided by commits it is the group size",
      [&broker, number] { return number(broker.committer().stats().requests); });
  metrics_.counter("sluice_broker_commit_bytes_total", "Bytes written by group commits",
                   [&broker, number] { return number(broker.committer().stats().bytes); });
  metrics_.counter("sluice_broker_commit_seconds_total", "Time spent in group commits", [&broker] {
    return std::chrono::duration<double>(broker.committer().stats().write_time).count();
  });
}

}  // namespace sluice::broker
