#pragma once
// What an operator can choose about the worker.

#include <cstdint>
#include <string>
#include <vector>

#include "shared/base/clock.h"
#include "shared/config/schema.h"

namespace sluice::worker {

inline constexpr std::int64_t kOrdersPerSecondMax = 10'000'000;
inline constexpr std::int64_t kWebhookConcurrencyMax = 256;

struct Options {
  std::string bootstrap_servers = "127.0.0.1:9092";
  std::string admin_listen = "127.0.0.1:8082";
  std::string database = "sqlite:data/orders.db";
  std::string group_id = "sluice-worker";
  std::string orders_topic = "seckill.orders";
  std::int32_t batch_records = 1000;
  std::int64_t max_orders_per_second = 0;
  Millis session_timeout{10'000};
  std::string group_instance_id;
  std::string webhook_url;  // empty: there is no webhook
  std::vector<std::string> webhook_secret_files;
  std::string webhook_ca_file;
  Millis webhook_timeout{15'000};
  std::int32_t webhook_concurrency = 8;
  Millis webhook_retry_max_delay{600'000};
  Millis webhook_retry_for{3 * 86'400'000};
  std::string log_level = "info";
  std::vector<std::string> kafka;
};

// The schema over `options`, which outlives it.
config::Schema describe(Options& options);

}  // namespace sluice::worker
