// GET /v1/user: who the request is from. A page whose cookie scripts cannot read asks it, to know
// whether anybody is logged in.

#include <utility>

#include "frontend/handlers/api.h"
#include "shared/http/problem.h"

namespace sluice::frontend {
namespace {

http::Answer show(const Api& api, const http::Request& request) {
  auto user = api.identity.user_of(request, api.clock.wall());
  if (!user) return std::move(user.error());
  Buffer json = R"({"user":)";
  http::append_json_string(json, user->view());
  json += "}\n";
  return http::Response::json(200, std::move(json)).add("Cache-Control", "private, no-store");
}

}  // namespace

void add_user(http::Router& router, const Api& api) {
  router.add("GET", "/v1/user", [api](const http::Request& request) { return show(api, request); });
}

}  // namespace sluice::frontend
