#include "worker/worker_metrics.h"

namespace sluice::worker {

WorkerMetrics::WorkerMetrics(metrics::Registry& registry)
    : placed(registry.counter("sluice_worker_orders_total",
                              "Orders that the worker wrote, by what became of them",
                              {{"state", "placed"}})),
      rejected(registry.counter("sluice_worker_orders_total", "", {{"state", "rejected"}})),
      expired(registry.counter("sluice_worker_orders_total", "", {{"state", "expired"}})),
      dead_letters(
          registry.counter("sluice_worker_dead_letters_total", "Records that could not be read")),
      transactions(
          registry.counter("sluice_worker_transactions_total", "Database transactions committed")),
      transaction_retries(registry.counter("sluice_worker_transaction_retries_total",
                                           "Database transactions that failed and were repeated")),
      fenced(registry.counter("sluice_worker_fenced_total",
                              "Times that another worker had taken a partition over")),
      transaction_seconds(registry.histogram("sluice_worker_transaction_seconds",
                                             "Duration of a database transaction",
                                             metrics::Histogram::latency_bounds())),
      outbox_sent(registry.counter("sluice_worker_outbox_sent_total",
                                   "Outbox records that the log has acknowledged")),
      outbox_failed_sends(registry.counter(
          "sluice_worker_outbox_failed_sends_total",
          "Sends of outbox records without an acknowledgement; they are repeated")),
      outbox_depth(registry.gauge("sluice_worker_outbox_depth",
                                  "Outbox records that are not acknowledged yet")),
      partitions(registry.gauge("sluice_worker_partitions", "Partitions that this worker owns")),
      lag(registry.gauge("sluice_worker_lag_records",
                         "Records on the log that are not in the database yet")),
      waiting(registry.gauge("sluice_worker_waiting_records",
                             "Of the lag, about what is not a worker's own answer to an order")),
      records_per_second(registry.gauge("sluice_worker_records_per_second",
                                        "Records of the log that went to the database in the last "
                                        "seconds")),
      payment_deadlines(registry.gauge("sluice_worker_payment_deadlines",
                                       "Placed orders that wait for their payment")) {}

}  // namespace sluice::worker
