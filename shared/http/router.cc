#include "shared/http/router.h"

#include <algorithm>
#include <utility>

#include "shared/base/check.h"
#include "shared/http/problem.h"

namespace sluice::http {

Router::Router()
    : not_found_(Problem(404, "not-found").detail("no resource has this path").response()) {}

void Router::add(std::string_view method, std::string_view pattern, RouteHandler handler) {
  CHECK(pattern.starts_with('/'));
  Route route{std::string(method), {}, std::move(handler)};
  std::size_t params = 0;
  std::string_view rest = pattern;
  while (!rest.empty()) {
    rest.remove_prefix(1);
    auto text = rest.substr(0, rest.find('/'));
    rest.remove_prefix(text.size());
    const bool is_param = text.starts_with('{') && text.ends_with('}');
    if (is_param) {
      ++params;
      text = text.substr(1, text.size() - 2);
    }
    route.segments.push_back({std::string(text), is_param});
  }
  CHECK(params <= Request::kParamsMax);
  routes_.push_back(std::move(route));
}

std::vector<std::string> Router::routes() const {
  std::vector<std::string> names;
  for (const auto& route : routes_) {
    std::string& name = names.emplace_back(route.method + " ");
    for (const auto& segment : route.segments) {
      name += segment.is_param ? "/{" + segment.text + "}" : "/" + segment.text;
    }
  }
  return names;
}

bool Router::matches(const Route& route, Request& request) {
  request.param_count = 0;
  ByteView rest = request.path;
  for (const auto& segment : route.segments) {
    if (rest.empty()) return false;
    rest.remove_prefix(1);
    const auto text = rest.substr(0, rest.find('/'));
    rest.remove_prefix(text.size());
    if (!segment.is_param) {
      if (text != segment.text) return false;
      continue;
    }
    if (text.empty()) return false;
    request.param_array[request.param_count++] = {segment.text, text};
  }
  return rest.empty();
}

Answer Router::route(Request& request) {
  if (request.path == "*") return Response(204);
  Route* fallback = nullptr;  // GET's, for HEAD
  bool path_known = false;
  for (auto& route : routes_) {
    if (!matches(route, request)) continue;
    path_known = true;
    if (route.method == request.method) return route.handler(request);
    if (!fallback && route.method == "GET" && request.method == "HEAD") fallback = &route;
  }
  if (fallback) {
    matches(*fallback, request);
    return fallback->handler(request);
  }
  if (!path_known) {
    request.param_count = 0;
    return &not_found_;
  }
  if (request.method == "OPTIONS") return std::move(Response(204).add("Allow", allowed(request)));
  return std::move(Problem(405, "method-not-allowed")
                       .detail("the resource has other methods, see Allow")
                       .response()
                       .add("Allow", allowed(request)));
}

// The methods of the request's path, as Allow has them.
std::string Router::allowed(Request& request) const {
  std::vector<std::string_view> methods{"OPTIONS"};
  for (const auto& route : routes_) {
    if (!matches(route, request)) continue;
    methods.push_back(route.method);
    if (route.method == "GET") methods.emplace_back("HEAD");
  }
  std::ranges::sort(methods);
  const auto repeated = std::ranges::unique(methods);
  methods.erase(repeated.begin(), repeated.end());
  std::string allow;
  for (const auto method : methods) {
    if (!allow.empty()) allow += ", ";
    allow += method;
  }
  return allow;
}

}  // namespace sluice::http
