#pragma once
// Router: method and path to handler. Patterns are literal segments and {names}:
// "/v1/sales/{sale}/orders". A name matches one segment that is not empty. The first pattern that
// was added and matches wins. Filled at start, then only read; one per loop.
//
// An unknown path is 404; a known path with another method is 405 with Allow. HEAD is answered by
// GET's handler when it has none of its own (the connection leaves the body out). OPTIONS is 204
// with Allow; of "*", the server as a whole, without.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/http/request.h"
#include "shared/http/response.h"

namespace sluice::http {

class Router {
 public:
  using RouteHandler = std::move_only_function<Answer(const Request&)>;

  Router();

  // REQUIRES: the pattern starts with a slash and has at most Request::kParamsMax names.
  void add(std::string_view method, std::string_view pattern, RouteHandler handler);

  // All routes in their order, as "GET /v1/sales/{sale}".
  std::vector<std::string> routes() const;

  // Fills in the request's params and calls the handler. They point into this router's patterns.
  Answer route(Request& request);

 private:
  struct Segment {
    std::string text;
    bool is_param;
  };
  struct Route {
    std::string method;
    std::vector<Segment> segments;
    RouteHandler handler;
  };

  static bool matches(const Route& route, Request& request);
  std::string allowed(Request& request) const;

  std::vector<Route> routes_;
  StaticResponse not_found_;
};

}  // namespace sluice::http
