#include "broker/admin/admin.h"

#include <chrono>
#include <cstddef>

#include "broker/admin/backup_routes.h"
#include "broker/admin/delay_routes.h"
#include "broker/admin/message_routes.h"
#include "shared/http/admin.h"

namespace sluice::broker {

Admin::Admin(net::Loop& loop, const Clock& clock, Broker& broker, Server& server, Backups& backups)
    : clock_(clock),
      http_(loop, clock, {}, [this](http::Request& request) { return router_.route(request); }) {
  declare_metrics(broker, server);
  declare_delay_metrics(broker);
  declare_backup_metrics(backups);
  add_backup_routes(router_, backups);
  add_message_routes(router_, broker);
  add_delay_routes(router_, broker);
  const auto healthy = [&broker]() -> Result<void> {
    if (const std::string reason = broker.unhealthy(); !reason.empty()) {
      return fail(Code::storage, reason);
    }
    return {};
  };
  // Damage in one place is a person's business; all else is served.
  const auto ready = [&broker]() -> Result<void> {
    if (const std::string reason = broker.not_ready(); !reason.empty()) {
      return fail(Code::storage, reason);
    }
    return {};
  };
  // The listener opens only after the log was read, so whoever reaches us finds us ready.
  http::add_admin_routes(router_, {.healthy = healthy, .ready = ready, .metrics = [this] {
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
  metrics_.gauge("sluice_broker_appends_refused",
                 "1 while appends are refused: disk full, or a failed write; /healthz says which",
                 [&broker, number] { return number(broker.not_ready().empty() ? 0 : 1); });
  metrics_.counter("sluice_broker_refusals_total", "How often appends came to be refused",
                   [&broker, number] { return number(broker.refusals()); });
  metrics_.counter("sluice_broker_damaged_reads_total",
                   "Reads that met damaged records; /healthz and the log say which",
                   [&broker, number] { return number(broker.damaged_reads()); });
  metrics_.counter("sluice_broker_compaction_records_dropped_total",
                   "Records that compaction found replaced or deleted",
                   [&broker, number] { return number(broker.compaction().records_dropped); });
  metrics_.counter("sluice_broker_compaction_bytes_dropped_total",
                   "What the log became shorter by compaction",
                   [&broker, number] { return number(broker.compaction().bytes_dropped); });
  metrics_.gauge("sluice_broker_uncleanable_partitions",
                 "Partitions that compaction gave up: the log says why",
                 [&broker, number] { return number(broker.uncleanable()); });
  metrics_.gauge("sluice_broker_unindexed_partitions",
                 "Partitions whose key index is being built, or was given up: the log says why",
                 [&broker, number] { return number(broker.unindexed()); });
  metrics_.counter("sluice_broker_key_index_entries_built_total",
                   "Entries added for records from before a key index was switched on",
                   [&broker, number] { return number(broker.key_indexer().added()); });
  auto& seconds =
      metrics_.histogram("sluice_broker_commit_seconds", "Time of one group commit, with its fsync",
                         metrics::Histogram::latency_bounds());
  auto& sizes = metrics_.histogram("sluice_broker_commit_size_bytes", "Size of one group commit",
                                   {1 << 10, 8 << 10, 64 << 10, 512 << 10, 4 << 20, 32 << 20});
  // No commit is under way any more when this object goes: Broker::stop() waits for them.
  broker.committer().on_write(
      [&seconds, &sizes, number](std::size_t bytes, std::chrono::nanoseconds took) {
        seconds.observe(took);
        sizes.observe(number(bytes));
      });
}

void Admin::declare_delay_metrics(Broker& broker) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  metrics_.gauge("sluice_broker_delayed_records", "Delayed records that wait",
                 [&broker, number] { return number(broker.delayed_records()); });
  metrics_.counter("sluice_broker_delayed_delivered_total", "Delayed records that were delivered",
                   [&broker, number] { return number(broker.delayer().stats().delivered); });
  metrics_.counter("sluice_broker_delayed_cancelled_total", "Delayed records that were cancelled",
                   [&broker, number] { return number(broker.delayer().stats().cancelled); });
  metrics_.gauge(
      "sluice_broker_delayed_next_due_timestamp_seconds",
      "When the next delayed record is due; 0: none waits, or that is not known yet",
      [&broker, number] { return number(broker.delayer().next_due_ms().value_or(0)) / 1000; });
  auto& lateness =
      metrics_.histogram("sluice_broker_delayed_lateness_seconds",
                         "From when a delayed record was due until readers saw it",
                         {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5, 60, 3600});
  broker.delayer().on_delivered([&lateness](Millis late) { lateness.observe(late); });
}

void Admin::declare_backup_metrics(const Backups& backups) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  metrics_.counter("sluice_broker_backups_total", "Backups made",
                   [&backups, number] { return number(backups.stats().made); });
  metrics_.counter("sluice_broker_backups_failed_total", "Backups that failed or were given up",
                   [&backups, number] { return number(backups.stats().failed); });
  metrics_.gauge("sluice_broker_backup_running", "1 while a backup is being made",
                 [&backups, number] { return number(backups.running() ? 1 : 0); });
  metrics_.gauge("sluice_broker_backup_newest_timestamp_seconds",
                 "When the last backup since the start was made; 0 for none",
                 [&backups] { return static_cast<double>(backups.stats().newest_at) / 1000; });
}

}  // namespace sluice::broker
