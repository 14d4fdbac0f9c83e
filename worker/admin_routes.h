#pragma once
// The worker's own admin API: what it is doing, and how fast it may.
//
//   GET   /v1/worker   {"working","why_not","partitions","lag_records","waiting_records",
//                       "records_per_second","eta_seconds","max_orders_per_second","webhook": null
//                       or {"pending","parked","oldest_pending_seconds","in_flight","concurrency",
//                       "failing","last_error"}}
//   PATCH /v1/worker   {"max_orders_per_second": N, "webhook_concurrency": N}, or one of them;
//                      until the next start, which reads the options

#include "shared/http/router.h"
#include "worker/webhook_sender.h"
#include "worker/worker.h"

namespace sluice::worker {

// REQUIRES: both outlive the router. `webhook`: null when there is none.
void add_worker_routes(http::Router& router, Worker& worker, WebhookSender* webhook);

}  // namespace sluice::worker
