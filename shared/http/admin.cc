#include "shared/http/admin.h"

#include <utility>

namespace sluice::http {

namespace {

Router::RouteHandler probe(std::function<Result<void>()> ask) {
  return [ask = std::move(ask)](const Request&) -> Answer {
    const auto state = ask();
    auto response =
        state ? Response::text(200, "ok\n") : Response::text(503, state.error().context + "\n");
    response.add("Cache-Control", "no-store");
    return response;
  };
}

}  // namespace

void add_admin_routes(Router& router, AdminCallbacks callbacks) {
  router.add("GET", "/healthz", probe(std::move(callbacks.healthy)));
  router.add("GET", "/readyz", probe(std::move(callbacks.ready)));
  auto render = [metrics = std::move(callbacks.metrics)](const Request&) -> Answer {
    return Response(200, "text/plain; version=0.0.4; charset=utf-8", metrics());
  };
  router.add("GET", "/metrics", std::move(render));
}

}  // namespace sluice::http
