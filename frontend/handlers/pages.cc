// GET /, GET /sales/{sale}: the pages; GET /assets/{version}/{file}: what they load.

#include <fmt/format.h>

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "frontend/handlers/api.h"
#include "frontend/handlers/page_answers.h"
#include "frontend/public_sale.h"
#include "frontend/request_fields.h"
#include "frontend/sale_pages.h"
#include "frontend/web_files.h"
#include "shared/base/check.h"

namespace sluice::frontend {
namespace {

// Like the JSON of sales: an edge cache may answer for a second, and takes the crowd.
constexpr std::string_view kPageCache = "public, max-age=1, stale-while-revalidate=5";
// A file under the version that its pages name never changes; under any other it is asked for anew.
constexpr std::string_view kPinned = "public, max-age=31536000, immutable";
constexpr std::string_view kAskAnew = "no-cache";
http::Response fresh_page(const http::Request& request, const PageVisit& visit, Buffer html) {
  const std::string etag = fmt::format("\"{:016x}\"", std::hash<std::string>{}(html));
  const bool unchanged = lists_tag(request.header("If-None-Match").value_or(ByteView()), etag);
  http::Response response = unchanged ? http::Response(304).add("Vary", "Accept-Language")
                                      : page(200, visit, std::move(html));
  response.add("ETag", etag);
  response.add("Cache-Control", kPageCache);
  return response;
}

std::vector<SaleView> shown_sales(const Api& api, WallTime now) {
  std::vector<SaleView> shown;
  for (const SaleStock* sale : api.stock.all()) {
    if (const auto view = view_of(*sale, now)) shown.push_back(*view);
  }
  return shown;
}

http::Answer home(const Api& api, const http::Request& request) {
  const PageVisit visit = visit_of(api, request);
  if (!api.ledger.ready()) return starting_page(visit);
  const std::vector<SaleView> sales = shown_sales(api, visit.now);
  Buffer html =
      sales.size() == 1 ? pages().sale(sales.front(), visit, true) : pages().list(sales, visit);
  return fresh_page(request, visit, std::move(html));
}

http::Answer sale(const Api& api, const http::Request& request) {
  const PageVisit visit = visit_of(api, request);
  if (!api.ledger.ready()) return starting_page(visit);
  const std::string_view id = request.param("sale");
  const std::vector<SaleView> sales = shown_sales(api, visit.now);
  for (const SaleView& sale : sales) {
    if (sale.definition->sale != id) continue;
    return fresh_page(request, visit, pages().sale(sale, visit, sales.size() == 1));
  }
  return notice(404, visit, "no_such_sale");
}

// ---- assets --------------------------------------------------------------------------------

// What a file is answered with, in one of its encodings. The bytes are copied once, at the start.
struct Encoded {
  std::string tag;
  http::StaticResponse pinned;
  http::StaticResponse ask_anew;
  http::StaticResponse unchanged;
};

struct Asset {
  Encoded plain;
  Encoded gzip;
};

std::string_view content_type_of(std::string_view name) {
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".svg")) return "image/svg+xml";
  CHECK(false && "a file in frontend/web/ of no known type");
  return {};
}

// `encoding`: empty for the bytes as they are.
http::Response asset_response(const WebFile& file, std::string_view encoding,
                              std::string_view cache, std::string_view tag) {
  http::Response response(200, content_type_of(file.name),
                          Buffer(encoding.empty() ? file.bytes : file.gzip));
  if (!encoding.empty()) response.add("Content-Encoding", encoding);
  response.add("Vary", "Accept-Encoding").add("ETag", tag).add("Cache-Control", cache);
  add_security(response);
  return response;
}

// Each encoding is another representation, with a tag of its own (RFC 9110, section 8.8.3.3).
Encoded encoded(const WebFile& file, std::string_view encoding) {
  const std::string_view dash = encoding.empty() ? "" : "-";
  const std::string tag = fmt::format("\"{}{}{}\"", web_files_version(), dash, encoding);
  http::Response unchanged(304);
  unchanged.add("Vary", "Accept-Encoding").add("ETag", tag).add("Cache-Control", kAskAnew);
  return {.tag = tag,
          .pinned = http::StaticResponse(asset_response(file, encoding, kPinned, tag)),
          .ask_anew = http::StaticResponse(asset_response(file, encoding, kAskAnew, tag)),
          .unchanged = http::StaticResponse(unchanged)};
}

std::map<std::string_view, Asset> all_assets() {
  std::map<std::string_view, Asset> assets;
  for (const WebFile& file : web_files()) {
    if (file.gzip.empty()) continue;
    assets.emplace(file.name, Asset{.plain = encoded(file, ""), .gzip = encoded(file, "gzip")});
  }
  return assets;
}

http::Answer asset(const http::Request& request) {
  static const std::map<std::string_view, Asset> assets = all_assets();
  const auto found = assets.find(request.param("file"));
  if (found == assets.end()) return problem(404, "no-such-file", "No such file").response();
  const Encoded& asset = accepts_gzip(request) ? found->second.gzip : found->second.plain;
  if (lists_tag(request.header("If-None-Match").value_or(ByteView()), asset.tag)) {
    return &asset.unchanged;
  }
  return request.param("version") == web_files_version() ? &asset.pinned : &asset.ask_anew;
}

}  // namespace

void add_pages(http::Router& router, const Api& api) {
  router.add("GET", "/", [api](const http::Request& request) { return home(api, request); });
  router.add("GET", "/sales/{sale}",
             [api](const http::Request& request) { return sale(api, request); });
  router.add("GET", "/assets/{version}/{file}", asset);
}

}  // namespace sluice::frontend
