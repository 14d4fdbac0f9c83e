#pragma once
// What the worker counts, declared once for /metrics.

#include "shared/metrics/registry.h"

namespace sluice::worker {

struct WorkerMetrics {
  explicit WorkerMetrics(metrics::Registry& registry);

  metrics::Counter& placed;
  metrics::Counter& rejected;
  metrics::Counter& expired;
  metrics::Counter& dead_letters;
  metrics::Counter& transactions;
  metrics::Counter& transaction_retries;
  metrics::Counter& fenced;
  metrics::Histogram& transaction_seconds;
  metrics::Counter& outbox_sent;
  metrics::Counter& outbox_failed_sends;
  metrics::Gauge& outbox_depth;
  metrics::Gauge& partitions;
  metrics::Gauge& lag;
  metrics::Gauge& waiting;
  metrics::Gauge& records_per_second;
  metrics::Gauge& payment_deadlines;
};

}  // namespace sluice::worker
