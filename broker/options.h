#pragma once
// The broker's options: each declared once in options.cc with unit, default and why.

#include <cstddef>
#include <cstdint>
#include <string>

#include "broker/broker.h"
#include "broker/log/backup.h"
#include "broker/log/rocks_store.h"
#include "broker/server.h"
#include "shared/config/byte_size.h"
#include "shared/config/schema.h"

namespace sluice::broker {

struct Options {
  std::string listen = "127.0.0.1:9092";
  std::string advertised_listen;
  std::string admin_listen = "127.0.0.1:9644";
  std::string data_dir = "data/broker";
  std::string log_level = "info";
  std::int32_t node_id = 1;
  bool auto_create_topics = true;
  std::int32_t num_partitions = 1;
  Millis group_initial_rebalance_delay{100};
  config::ByteSize max_frame_bytes{32 << 20};
  std::size_t max_in_flight_requests = 128;
  std::size_t max_connections = 10'000;
  Millis connection_idle_timeout{600'000};
  config::ByteSize commit_queue_bytes{64 << 20};
  config::ByteSize segment_bytes{64 << 20};
  config::ByteSize tail_cache_bytes{64 << 20};
  config::ByteSize disk_reserve_bytes{512 << 20};
  Millis retention_check_interval{30'000};
  config::ByteSize cleaner_map_bytes{64 << 20};
  config::ByteSize block_cache_bytes{16 << 20};
  std::size_t reader_threads = 2;
  std::size_t max_delayed_records = 100'000'000;
  std::string backup_dir;
  config::ByteSize backup_rate{64 << 20};
};

// The schema over `options`, which outlives it.
config::Schema describe(Options& options);

// The parts that each component takes.
BrokerOptions broker_options(const Options& options);
ServerLimits server_limits(const Options& options);
RocksOptions store_options(const Options& options);
BackupOptions backup_options(const Options& options);

}  // namespace sluice::broker
