#include "shared/http/router.h"

#include <doctest/doctest.h>

#include <string>

#include "shared/http/admin.h"
#include "shared/http/problem.h"
#include "tests/unit/http/talk.h"

namespace sluice::http {

namespace {

// "<name of the route> <params>", or the status of a refusal.
std::string routed(Router& router, std::string_view method, std::string_view path) {
  Request request;
  request.method = method;
  request.path = path;
  auto answer = router.route(request);
  if (const auto* refusal = std::get_if<const StaticResponse*>(&answer)) {
    return std::to_string((*refusal)->status());
  }
  const auto& response = std::get<Response>(answer);
  if (response.status != 200) {
    return std::to_string(response.status) + " " + std::string(response.header("Allow"));
  }
  return response.body;
}

Router::RouteHandler named(std::string name) {
  return [name](const Request& request) -> Answer {
    std::string text = name;
    for (std::size_t i = 0; i < request.param_count; ++i) {
      text += " " + std::string(request.param_array[i].name) + "=" +
              std::string(request.param_array[i].value);
    }
    return Response::text(200, text);
  };
}

}  // namespace

TEST_CASE("routes by method and path") {
  Router router;
  router.add("GET", "/", named("root"));
  router.add("GET", "/v1/sales", named("list"));
  router.add("GET", "/v1/sales/special", named("special"));
  router.add("GET", "/v1/sales/{sale}", named("sale"));
  router.add("PUT", "/v1/sales/{sale}", named("put"));
  router.add("POST", "/v1/sales/{sale}/orders", named("order"));
  router.add("GET", "/{a}/{b}/c/{d}/e/{f}", named("four"));
  struct Row {
    const char* method;
    const char* path;
    const char* expected;
  };
  const Row rows[] = {
      {"GET", "/", "root"},
      {"GET", "/v1/sales", "list"},
      {"HEAD", "/v1/sales", "list"},
      {"GET", "/v1/sales/", "404"},
      {"GET", "/v1/sales/special", "special"},
      {"PUT", "/v1/sales/special", "put sale=special"},
      {"GET", "/v1/sales/7", "sale sale=7"},
      {"HEAD", "/v1/sales/7", "sale sale=7"},
      {"GET", "/v1/sales/7/", "404"},
      {"GET", "/v1//sales", "404"},
      {"POST", "/v1/sales/a%2Fb/orders", "order sale=a%2Fb"},
      {"POST", "/v1/sales//orders", "404"},
      {"GET", "/v1/sales/7/orders", "405 OPTIONS, POST"},
      {"HEAD", "/v1/sales/7/orders", "405 OPTIONS, POST"},
      {"DELETE", "/v1/sales/special", "405 GET, HEAD, OPTIONS, PUT"},
      {"GET", "/1/2/c/3/e/4", "four a=1 b=2 d=3 f=4"},
      {"GET", "/1/2/c/3/e", "404"},
      {"GET", "/v1", "404"},
      {"GET", "//", "404"},
      {"OPTIONS", "*", "204 "},
      {"OPTIONS", "/v1/sales/7", "204 GET, HEAD, OPTIONS, PUT"},
      {"OPTIONS", "/v2", "404"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.method);
    CAPTURE(row.path);
    CHECK_EQ(routed(router, row.method, row.path), row.expected);
  }
}

TEST_CASE("health, readiness and metrics") {
  Result<void> healthy;
  Result<void> ready = fail(Code::unavailable, "replaying the log");
  Talk talk;
  add_admin_routes(talk.router, {.healthy = [&] { return healthy; },
                                 .ready = [&] { return ready; },
                                 .metrics = [] { return std::string("up 1\n"); }});
  const auto ask = [&talk](std::string path) {
    return talk.ask("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
  };
  CHECK(ask("/healthz").starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(ask("/healthz").ends_with("\r\n\r\nok\n"));
  CHECK(ask("/readyz").starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  CHECK(ask("/readyz").ends_with("\r\n\r\nreplaying the log\n"));
  ready = {};
  CHECK(ask("/readyz").ends_with("\r\n\r\nok\n"));
  CHECK_EQ(ask("/metrics"),
           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
           "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n\r\nup 1\n");
}

TEST_CASE("a problem is JSON whatever it is told") {
  const auto response = Problem(410, "sale-ended", "The sale is over", "https://e.x/ended")
                            .detail("a \"quote\", a \\, a\ttab, \xc3\xa9, \xff\xc3")
                            .member("order", "x\n")
                            .member("retry_after_ms", std::int64_t{-5})
                            .member("final", true)
                            .response();
  CHECK_EQ(response.status, 410);
  CHECK_EQ(response.header("content-type"), "application/problem+json");
  CHECK_EQ(response.body, R"({"type":"https://e.x/ended","title":"The sale is over","status":410,)"
                          R"("code":"sale-ended","detail":"a \"quote\", a \\, a\u0009tab, )"
                          "\xc3\xa9"
                          R"(, ??","order":"x\u000a","retry_after_ms":-5,"final":true})");
}

TEST_CASE("dates are as RFC 9110 wants them") {
  CHECK_EQ(http_date({0}), "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK_EQ(http_date({784'111'777'999}), "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK_EQ(http_date({1'709'210'096'000}), "Thu, 29 Feb 2024 12:34:56 GMT");
}

}  // namespace sluice::http
