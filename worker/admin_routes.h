#pragma once
// The worker's own admin API: what it is doing, and how fast it may.
//
//   GET   /v1/worker   {"working","why_not","partitions","lag_records","records_per_second",
//                       "eta_seconds","max_orders_per_second"}
//   PATCH /v1/worker   {"max_orders_per_second": N}; until the next start, which reads the option

#include "shared/http/router.h"
#include "worker/worker.h"

namespace sluice::worker {

// REQUIRES: the worker outlives the router.
void add_worker_routes(http::Router& router, Worker& worker);

}  // namespace sluice::worker
