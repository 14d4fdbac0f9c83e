#pragma once
// The routes that every daemon has for its operators: GET /healthz, /readyz and /metrics.

#include <functional>
#include <string>

#include "shared/base/result.h"
#include "shared/http/router.h"

namespace sluice::http {

struct AdminCallbacks {
  // Is the process of any use? A supervisor restarts it if not. An error's context is the reason.
  std::function<Result<void>()> healthy;
  // May it be sent traffic?
  std::function<Result<void>()> ready;
  // The metrics in the Prometheus text format 0.0.4.
  std::function<std::string()> metrics;
};

// The callbacks run on the loop of the router.
void add_admin_routes(Router& router, AdminCallbacks callbacks);

}  // namespace sluice::http
