#pragma once
// Admin: the broker's HTTP side for operators: /healthz, /readyz, /metrics, /v1/backups,
// /v1/topics. Lives on the loop thread.

#include "broker/backups.h"
#include "broker/broker.h"
#include "broker/server.h"
#include "shared/async/task.h"
#include "shared/base/clock.h"
#include "shared/http/router.h"
#include "shared/http/server.h"
#include "shared/metrics/registry.h"
#include "shared/net/loop.h"

namespace sluice::broker {

class Admin {
 public:
  // REQUIRES: all outlive it.
  Admin(net::Loop& loop, const Clock& clock, Broker& broker, Server& server, Backups& backups);

  // Binds and serves. Yields the real address.
  Result<net::HostPort> listen(const net::HostPort& at);
  Task<void> stop(Millis grace) { return http_.stop(clock_.now() + grace); }

 private:
  void declare_metrics(Broker& broker, Server& server);
  void declare_delay_metrics(Broker& broker);
  void declare_backup_metrics(const Backups& backups);

  const Clock& clock_;
  metrics::Registry metrics_;
  http::Router router_;
  http::Server http_;
};

}  // namespace sluice::broker
