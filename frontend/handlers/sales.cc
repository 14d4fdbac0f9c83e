// GET /v1/sales, GET /v1/sales/{sale} and GET /v1/time: what a page needs for its countdown.

#include <fmt/format.h>

#include "frontend/handlers/api.h"
#include "frontend/time_text.h"
#include "shared/http/problem.h"

namespace sluice::frontend {
namespace {

using ledger::SaleStage;

// An edge cache may answer for a second: it absorbs the polling of a crowd.
constexpr std::string_view kCacheControl = "public, max-age=1, stale-while-revalidate=5";

void append_text(Buffer& json, std::string_view name, std::string_view text) {
  json += fmt::format(R"(,"{}":)", name);
  http::append_json_string(json, text);
}

void append_sale(Buffer& json, const SaleStock& sale, WallTime now) {
  const ledger::Sale& definition = sale.definition();
  json += fmt::format(R"({{"id":"{}")", sale.id());
  append_text(json, "title", definition.title);
  const std::int64_t available = sale.available();
  json += fmt::format(
      R"(,"state":"{}","available":{},"sold_out":{},"per_user_limit":{},"unit_price":{})",
      name_of(shown_stage(sale, available, now)), available, available <= 0,
      definition.per_user_limit, definition.unit_price);
  append_text(json, "currency", definition.currency);
  if (definition.starts_at) append_text(json, "starts_at", rfc3339({*definition.starts_at}));
  if (definition.ends_at) append_text(json, "ends_at", rfc3339({*definition.ends_at}));
  append_text(json, "server_time", rfc3339(now));
  json += '}';
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
  if (sale == nullptr || sale->stage(now) == SaleStage::draft) return no_such_sale();
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
