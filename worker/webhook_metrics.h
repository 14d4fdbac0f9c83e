#pragma once
// What is counted of a shop's webhook, declared once for /metrics.

#include "shared/metrics/registry.h"

namespace sluice::worker {

struct WebhookMetrics {
  explicit WebhookMetrics(metrics::Registry& registry);

  metrics::Counter& delivered;
  metrics::Counter& failed_attempts;
  metrics::Counter& parked_ever;
  metrics::Histogram& attempt_seconds;
  metrics::Gauge& in_flight;
  metrics::Gauge& pending;
  metrics::Gauge& parked;
  metrics::Gauge& oldest_pending_seconds;
};

}  // namespace sluice::worker
