// GET /v1/user-lists and POST /v1/user-lists/reload: the lists of users that are in force, and
// taking over what their files have by now.

#include <string>

#include <fmt/format.h>

#include "frontend/handlers/admin_api.h"
#include "frontend/handlers/api.h"
#include "shared/log/log.h"

namespace sluice::frontend {
namespace {

http::Response show(const AdminApi& api) {
  const auto lists = api.lists.get();
  Buffer json = fmt::format(R"({{"blocked":{},"allowed":{{)", lists->blocked.size());
  for (const auto& [sale, users] : lists->allowed) {
    if (json.back() != '{') json += ',';
    json += fmt::format(R"("{}":{})", sale, users.size());
  }
  json += "}}\n";
  return http::Response::json(200, std::move(json)).add("Cache-Control", "no-store");
}

http::Response reload(const AdminApi& api) {
  if (const auto read = api.lists.reload(); !read) {
    log::warning("user lists stay as they were reason={}", log::quoted(read.error().context));
    return problem(409, "lists-invalid", "The lists cannot be read and stay as they were")
        .detail(read.error().context)
        .response();
  }
  const auto lists = api.lists.get();
  log::info("user lists read blocked={} allowed_sales={}", lists->blocked.size(),
            lists->allowed.size());
  return show(api);
}

// Only for whoever has the token.
http::Router::RouteHandler guarded(const AdminApi& api,
                                   http::Response (*handler)(const AdminApi&)) {
  return [api, handler](const http::Request& request) -> http::Answer {
    if (auto refusal = api.token.refuse(request)) return std::move(*refusal);
    return handler(api);
  };
}

}  // namespace

void add_admin_lists(http::Router& router, const AdminApi& api) {
  router.add("GET", "/v1/user-lists", guarded(api, show));
  router.add("POST", "/v1/user-lists/reload", guarded(api, reload));
}

}  // namespace sluice::frontend
