// GET /v1/sales, GET /v1/sales/{sale} and GET /v1/time: what a page needs for its countdown.

#include <fmt/format.h>

#include "frontend/handlers/api.h"
#include "frontend/public_sale.h"
#include "frontend/time_text.h"

namespace sluice::frontend {
namespace {

using ledger::SaleStage;

// An edge cache may answer for a second: it absorbs the polling of a crowd.
constexpr std::string_view kCacheControl = "public, max-age=1, stale-while-revalidate=5";

void append_sale(Buffer& json, const SaleStock& sale, WallTime now) {
  append_public_sale(json, sale, now);
  json += fmt::format(R"(,"server_time":"{}"}})", rfc3339(now));
}

http::Answer list(const Api& api) {
  const WallTime now = api.clock.wall();
  Buffer json = R"({"sales":[)";
  for (const SaleStock* sale : api.stock.all()) {
    if (sale->stage(now) == SaleStage::draft) continue;
    if (json.back() != '[') json += ',';
    append_sale(json, *sale, now);
  }
  json += "]}\n";
  return http::Response::json(200, std::move(json)).add("Cache-Control", kCacheControl);
}

http::Answer show(const Api& api, const http::Request& request) {
  const SaleStock* sale = api.stock.find(request.param("sale"));
  const WallTime now = api.clock.wall();
  if (sale == nullptr || sale->stage(now) == SaleStage::draft) {
    return api.ledger.ready() ? no_such_sale() : starting();
  }
  Buffer json;
  append_sale(json, *sale, now);
  json += '\n';
  return http::Response::json(200, std::move(json)).add("Cache-Control", kCacheControl);
}

http::Answer time(const Api& api) {
  const WallTime now = api.clock.wall();
  return http::Response::json(200, fmt::format(R"({{"unix_ms":{},"time":"{}"}})"
                                               "\n",
                                               now.unix_millis, rfc3339(now)))
      .add("Cache-Control", "no-store");
}

}  // namespace

void add_sales(http::Router& router, const Api& api) {
  router.add("GET", "/v1/sales", [api](const http::Request&) { return list(api); });
  router.add("GET", "/v1/sales/{sale}",
             [api](const http::Request& request) { return show(api, request); });
  router.add("GET", "/v1/time", [api](const http::Request&) { return time(api); });
}

}  // namespace sluice::frontend
