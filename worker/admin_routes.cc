#include "worker/admin_routes.h"

#include <string>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "shared/http/problem.h"
#include "shared/log/log.h"

namespace sluice::worker {
namespace {

namespace json = boost::json;

http::Response show(const Worker& worker) {
  const Status status = worker.status();
  json::object body{{"working", status.working},
                    {"why_not", status.why_not},
                    {"partitions", status.partitions},
                    {"lag_records", status.drain.lag},
                    {"records_per_second", status.drain.records_per_second},
                    {"eta_seconds", nullptr},
                    {"max_orders_per_second", worker.max_orders_per_second()}};
  if (status.drain.eta) body["eta_seconds"] = status.drain.eta->count();
  return http::Response::json(200, json::serialize(body) + "\n");
}

Result<std::int64_t> wanted_rate(ByteView body) {
  json::error_code error;
  const json::value parsed = json::parse(body, error);
  const json::object* object = error ? nullptr : parsed.if_object();
  if (object == nullptr) return fail(Code::invalid, "the body is not a JSON object");
  for (const auto& [name, value] : *object) {
    if (name != "max_orders_per_second") {
      return fail(Code::invalid,
                  fmt::format("field \"{}\" is unknown, it has max_orders_per_second",
                              std::string_view(name.data(), name.size())));
    }
  }
  const json::value* rate = object->if_contains("max_orders_per_second");
  if (rate == nullptr) return fail(Code::invalid, "field \"max_orders_per_second\" is missing");
  if (!rate->is_int64() || rate->get_int64() < 0 || rate->get_int64() > kOrdersPerSecondMax) {
    return fail(Code::invalid,
                fmt::format("field \"max_orders_per_second\" is not a whole number from 0 to {}",
                            kOrdersPerSecondMax));
  }
  return rate->get_int64();
}

http::Response change(const http::Request& request, Worker& worker) {
  const auto rate = wanted_rate(request.body);
  if (!rate) return http::Problem(400, "invalid").detail(rate.error().context).response();
  worker.set_max_orders_per_second(*rate);
  log::info("max_orders_per_second={}", *rate);
  return show(worker);
}

}  // namespace

void add_worker_routes(http::Router& router, Worker& worker) {
  router.add("GET", "/v1/worker", [&worker](const http::Request&) { return show(worker); });
  router.add("PATCH", "/v1/worker",
             [&worker](const http::Request& request) { return change(request, worker); });
}

}  // namespace sluice::worker
