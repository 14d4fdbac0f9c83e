#include "broker/options.h"

#include "shared/net/host_port.h"

namespace sluice::broker {
namespace {

void describe_storage(config::Schema& s, Options& o) {
  s.add(
       "segment_bytes", o.segment_bytes,
       "Appends of all partitions after which a new segment begins: the unit in which old records "
       "go. A few of these bound the memory of recent writes and the replay after a crash; smaller "
       "ones cost more files")
      .between(1 << 20, 1LL << 32);
  s.add("tail_cache_bytes", o.tail_cache_bytes,
        "Memory for the newest batches: consumers that keep up read only there")
      .between(0, 1LL << 38);
  s.add("disk_reserve_bytes", o.disk_reserve_bytes,
        "Free space below which appends are refused until there is more; what was acknowledged "
        "needs "
        "some to be written out")
      .between(0, 1LL << 42);
  s.add("retention_check_interval", o.retention_check_interval,
        "How often the topics' retention, and what there is to compact, are looked at")
      .between(100, 86'400'000);
  s.add("cleaner_map_bytes", o.cleaner_map_bytes,
        "Memory for the keys of one pass of compaction; a partition with more keys takes several "
        "passes")
      .between(1 << 20, 1LL << 36);
  s.add("block_cache_bytes", o.block_cache_bytes, "Memory for blocks of old records that were read")
      .between(1 << 20, 1LL << 36);
  s.add("reader_threads", o.reader_threads, "threads", "Threads that read from the disk")
      .between(1, 64);
  s.add("max_delayed_records", o.max_delayed_records, "records",
        "Records of all topics that may wait for their delivery; one more is refused. They take "
        "disk, about 100 bytes each beside key, value and headers, not memory")
      .between(0, 1'000'000'000'000);
  s.add("backup_dir", o.backup_dir, "path",
        "Where 'sluicectl backup create' puts backups of the running broker, best on another disk; "
        "empty: there are none. No other broker may use the same");
  s.add("backup_rate", o.backup_rate,
        "Bytes a second that a backup copies at most: unlimited copying makes the slowest appends "
        "several times slower; 0: as fast as it goes")
      .between(0, 1LL << 40);
}

}  // namespace

config::Schema describe(Options& o) {
  config::Schema s("sluice-broker", "A durable message queue that speaks Kafka's wire protocol");
  s.add("listen", o.listen, "host:port", "Where Kafka clients connect; port 0 takes a free one");
  s.add("advertised_listen", o.advertised_listen, "host:port",
        "The address that clients are told to come back to; empty: the one that was bound. Set it "
        "when clients reach this host under another name");
  s.add("admin_listen", o.admin_listen, "host:port", "Where /healthz, /readyz and /metrics are");
  s.add("data_dir", o.data_dir, "path", "Everything the broker knows; made when it is not there");
  s.add("log_level", o.log_level, "level", "How much to log")
      .one_of({"debug", "info", "warning", "error"});
  s.add("node_id", o.node_id, "id", "This broker's id in Metadata; never change it on live clients")
      .between(0, 1'000'000);
  s.add("auto_create_topics", o.auto_create_topics,
        "Create a topic when a client asks for one that is not there (Kafka's default too)");
  s.add("num_partitions", o.num_partitions, "partitions", "Partitions of a topic that names none")
      .between(1, 10'000);
  s.add("group_initial_rebalance_delay", o.group_initial_rebalance_delay,
        "How long the first rebalance of an empty group waits for more members: longer saves "
        "rebalances when many start together, shorter starts a lone consumer sooner")
      .between(0, 60'000);
  s.add("max_frame_bytes", o.max_frame_bytes,
        "Largest request; a larger length field closes the connection. Must hold the largest "
        "produce request: max.message.bytes for each partition in it")
      .between(1024, 1LL << 30);
  s.add("max_in_flight_requests", o.max_in_flight_requests, "requests",
        "Requests of one connection that run at a time; then its socket is not read. Clients "
        "pipeline 5 to about 100")
      .between(1, 10'000);
  s.add("max_connections", o.max_connections, "connections",
        "Open client connections; one more is closed at once. Bounds descriptors and memory")
      .between(1, 1'000'000);
  s.add("connection_idle_timeout", o.connection_idle_timeout,
        "A connection without a request for so long is closed (Kafka's connections.max.idle.ms)")
      .between(1'000, 86'400'000);
  s.add(
       "commit_queue_bytes", o.commit_queue_bytes,
       "Appends that wait for the disk; at it sockets are not read. Bounds memory when the disk is "
       "slower than the network")
      .between(1 << 20, 1LL << 32);
  describe_storage(s, o);
  s.add_rule([&o] { return net::check_host_port("listen", o.listen); });
  s.add_rule([&o] { return net::check_host_port("admin_listen", o.admin_listen); });
  s.add_rule([&o]() -> Result<void> {
    if (o.advertised_listen.empty()) return {};
    return net::check_host_port("advertised_listen", o.advertised_listen);
  });
  return s;
}

BrokerOptions broker_options(const Options& options) {
  BrokerOptions broker;
  broker.node_id = options.node_id;
  broker.auto_create_topics = options.auto_create_topics;
  broker.delayed_records_max = options.max_delayed_records;
  broker.num_partitions = options.num_partitions;
  broker.groups.initial_rebalance_delay = options.group_initial_rebalance_delay;
  broker.committer.segment_bytes = static_cast<std::size_t>(options.segment_bytes.bytes);
  broker.tail_cache_bytes = static_cast<std::size_t>(options.tail_cache_bytes.bytes);
  broker.retention_interval = options.retention_check_interval;
  broker.cleaner_map_bytes = static_cast<std::size_t>(options.cleaner_map_bytes.bytes);
  broker.committer.staged_bytes_max = static_cast<std::size_t>(options.commit_queue_bytes.bytes);
  return broker;
}

ServerLimits server_limits(const Options& options) {
  ServerLimits limits;
  limits.connections_max = options.max_connections;
  limits.idle_timeout = options.connection_idle_timeout;
  limits.connection.frame_bytes_max = static_cast<std::int32_t>(options.max_frame_bytes.bytes);
  limits.connection.in_flight_max = options.max_in_flight_requests;
  return limits;
}

RocksOptions store_options(const Options& options) {
  return {.path = options.data_dir,
          .segment_bytes = static_cast<std::size_t>(options.segment_bytes.bytes),
          .disk_reserve_bytes = static_cast<std::size_t>(options.disk_reserve_bytes.bytes),
          .block_cache_bytes = static_cast<std::size_t>(options.block_cache_bytes.bytes)};
}

BackupOptions backup_options(const Options& options) {
  return {.directory = options.backup_dir,
          .bytes_per_second = static_cast<std::uint64_t>(options.backup_rate.bytes)};
}

}  // namespace sluice::broker
