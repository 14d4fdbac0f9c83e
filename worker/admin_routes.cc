#include "worker/admin_routes.h"

#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "shared/http/problem.h"
#include "shared/log/log.h"

namespace sluice::worker {
namespace {

namespace json = boost::json;

constexpr std::string_view kOrdersPerSecond = "max_orders_per_second";
constexpr std::string_view kWebhookConcurrency = "webhook_concurrency";

// What an operator may change of a running worker.
struct Daemon {
  Worker& worker;
  WebhookSender* webhook;
};

json::value shown(const WebhookSender* webhook) {
  if (webhook == nullptr) return nullptr;
  const WebhookStatus status = webhook->status();
  return json::object{{"pending", status.pending},
                      {"parked", status.parked},
                      {"oldest_pending_seconds", status.oldest_pending_seconds},
                      {"in_flight", status.in_flight},
                      {"concurrency", webhook->concurrency()},
                      {"failing", status.failing},
                      {"last_error", status.last_error}};
}

http::Response show(const Daemon& daemon) {
  const Status status = daemon.worker.status();
  json::object body{{"working", status.working},
                    {"why_not", status.why_not},
                    {"partitions", status.partitions},
                    {"lag_records", status.drain.lag},
                    {"waiting_records", status.drain.waiting},
                    {"records_per_second", std::llround(status.drain.records_per_second)},
                    {"eta_seconds", nullptr},
                    {"max_orders_per_second", daemon.worker.max_orders_per_second()},
                    {"webhook", shown(daemon.webhook)}};
  if (status.drain.eta) body["eta_seconds"] = status.drain.eta->count();
  return http::Response::json(200, json::serialize(body) + "\n");
}

struct Change {
  std::optional<std::int64_t> orders_per_second;
  std::optional<std::int64_t> webhook_concurrency;
};

Result<std::int64_t> number_in(std::string_view name, const json::value& value, std::int64_t min,
                               std::int64_t max) {
  if (value.is_int64() && value.get_int64() >= min && value.get_int64() <= max) {
    return value.get_int64();
  }
  return fail(Code::invalid,
              fmt::format("field \"{}\" is not a whole number from {} to {}", name, min, max));
}

Result<Change> wanted_change(ByteView body, bool has_webhook) {
  json::error_code error;
  const json::value parsed = json::parse(body, error);
  const json::object* object = error ? nullptr : parsed.if_object();
  if (object == nullptr) return fail(Code::invalid, "the body is not a JSON object");
  Change change;
  for (const auto& [key, value] : *object) {
    const std::string_view name(key.data(), key.size());
    if (name == kOrdersPerSecond) {
      TRY(orders, number_in(name, value, 0, kOrdersPerSecondMax));
      change.orders_per_second = orders;
    } else if (name == kWebhookConcurrency && has_webhook) {
      TRY(requests, number_in(name, value, 1, kWebhookConcurrencyMax));
      change.webhook_concurrency = requests;
    } else if (name == kWebhookConcurrency) {
      return fail(Code::invalid, fmt::format("field \"{}\": there is no webhook: the option "
                                             "webhook_url is empty",
                                             name));
    } else {
      return fail(Code::invalid, fmt::format("field \"{}\" is unknown, there are {} and {}", name,
                                             kOrdersPerSecond, kWebhookConcurrency));
    }
  }
  if (!object->empty()) return change;
  return fail(Code::invalid, fmt::format("fields are missing, there are {} and {}",
                                         kOrdersPerSecond, kWebhookConcurrency));
}

http::Response change(const http::Request& request, const Daemon& daemon) {
  const auto wanted = wanted_change(request.body, daemon.webhook != nullptr);
  if (!wanted) return http::Problem(400, "invalid").detail(wanted.error().context).response();
  if (wanted->orders_per_second) {
    daemon.worker.set_max_orders_per_second(*wanted->orders_per_second);
    log::info("{}={}", kOrdersPerSecond, *wanted->orders_per_second);
  }
  if (wanted->webhook_concurrency) {
    daemon.webhook->set_concurrency(*wanted->webhook_concurrency);
    log::info("{}={}", kWebhookConcurrency, *wanted->webhook_concurrency);
  }
  return show(daemon);
}

}  // namespace

void add_worker_routes(http::Router& router, Worker& worker, WebhookSender* webhook) {
  const Daemon daemon{worker, webhook};
  router.add("GET", "/v1/worker", [daemon](const http::Request&) { return show(daemon); });
  router.add("PATCH", "/v1/worker",
             [daemon](const http::Request& request) { return change(request, daemon); });
}

}  // namespace sluice::worker
