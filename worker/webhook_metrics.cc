#include "worker/webhook_metrics.h"

namespace sluice::worker {

WebhookMetrics::WebhookMetrics(metrics::Registry& registry)
    : delivered(registry.counter("sluice_worker_webhook_delivered_total",
                                 "Deliveries that the shop's system has answered with 2xx")),
      failed_attempts(registry.counter("sluice_worker_webhook_failed_attempts_total",
                                       "Attempts to deliver that got no answer or another one")),
      parked_ever(registry.counter("sluice_worker_webhook_parked_total",
                                   "Deliveries that are not attempted any more")),
      attempt_seconds(registry.histogram("sluice_worker_webhook_attempt_seconds",
                                         "Duration of an attempt to deliver",
                                         metrics::Histogram::latency_bounds())),
      in_flight(registry.gauge("sluice_worker_webhook_in_flight", "Attempts under way")),
      pending(registry.gauge("sluice_worker_webhook_pending",
                             "Deliveries of this worker's partitions that are to be made")),
      parked(registry.gauge("sluice_worker_webhook_parked",
                            "Deliveries of this worker's partitions that are parked")),
      oldest_pending_seconds(registry.gauge("sluice_worker_webhook_oldest_pending_seconds",
                                            "Age of the oldest delivery that is to be made")) {}

}  // namespace sluice::worker
