#include "frontend/options.h"

#include <doctest/doctest.h>

#include <string>

#include <fmt/format.h>

namespace sluice::frontend {

namespace {

// What loading the text and checking the rules says; empty when all is well.
std::string problem_of(Options& options, const std::string& yaml) {
  config::Schema schema = describe(options);
  auto result = schema.load_text(yaml, "test.yaml");
  if (result) result = schema.check();
  return result ? std::string() : result.error().context;
}

std::string problem_of(const std::string& sale_fields) {
  Options options;
  return problem_of(options, "sales:\n  - {id: mug, stock: 5, " + sale_fields + "}\n");
}

}  // namespace

TEST_CASE("the demo configuration is right") {
  Options options;
  config::Schema schema = describe(options);
  const auto loaded = schema.load(SLUICE_CONF "/demo.yaml");
  REQUIRE_MESSAGE(loaded, (loaded ? "" : loaded.error().context));
  REQUIRE(schema.check());
  const auto sales = configured_sales(options);
  REQUIRE(sales);
  REQUIRE(sales->size() == 1);
  const auto& demo = sales->front();
  CHECK(demo.sale == "demo");
  CHECK(demo.stock == 1000);
  CHECK(demo.unit_price == 9900);
  CHECK(demo.currency == "CNY");
  CHECK(demo.per_user_limit == 1);
  CHECK(demo.payment_window_ms == 900'000);
  CHECK(demo.grant_id == "initial");
  CHECK(!demo.starts_at);
  CHECK(!demo.ends_at);
}

TEST_CASE("a sale as it is configured") {
  Options options;
  REQUIRE(problem_of(options,
                     "sales:\n"
                     "  - id: mug-1\n"
                     "    stock: 0\n"
                     "    starts_at: 2026-11-11T00:00:00+08:00\n"
                     "    ends_at: 2026-11-12T00:00:00+08:00\n") == "");
  const auto sale = configured_sales(options)->at(0);
  CHECK(sale.title == "mug-1");  // its id, when it has no title
  CHECK(sale.starts_at == 1'794'326'400'000);
  CHECK(sale.ends_at == 1'794'326'400'000 + 86'400'000);
}

TEST_CASE("a wrong sale is told by sale and field") {
  struct Row {
    const char* fields;
    const char* says;
  };
  const Row rows[] = {
      {"starts_at: soon", "sale mug: starts_at: \"soon\""},
      {"ends_at: '2026-02-30T00:00:00Z'", "sale mug: ends_at: \"2026-02-30T00:00:00Z\""},
      {"starts_at: '1969-12-31T00:00:00Z'", "sale mug: starts_at: \"1969-12-31T00:00:00Z\""},
      {"ends_at: '9999-12-31T23:59:59-01:00'", "sale mug: ends_at: \"9999-12-31T23:59:59-01:00\""},
      {"starts_at: '2026-01-02T00:00:00Z', ends_at: '2026-01-01T00:00:00Z'", "sale mug: ends_at"},
      {"starts_at: '2026-01-01T00:00:00Z', ends_at: '2026-01-01T00:00:00Z'", "sale mug: ends_at"},
      {"currency: ''", "sale mug: currency"},
      {"currency: 'NINEBYTES'", "sale mug: currency"},
      {"title: \"a\\tb\"", "sale mug: title"},
      {"per_user_limit: 0", "per_user_limit"},
      {"unit_price: -1", "unit_price"},
      {"payment_window: 400d", "payment_window"},
      {"purchase_token: yes", "purchase_token"},
      {"proof_of_work: 29", "proof_of_work"},
      {"colour: red", "colour"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.fields);
    const auto problem = problem_of(row.fields);
    CAPTURE(problem);
    CHECK(problem.find(row.says) != std::string::npos);
  }
  CHECK(problem_of("title: A mug") == "");
}

TEST_CASE("a sale that asks for more than a name") {
  Options options;
  REQUIRE(problem_of(options,
                     "sales: [{id: a, stock: 1, purchase_token: required, proof_of_work: 18},"
                     " {id: b, stock: 1, purchase_token: none}]") == "");
  const auto sales = configured_sales(options);
  CHECK(sales->at(0).purchase_token);
  CHECK(sales->at(0).proof_of_work == 18);
  CHECK(!sales->at(1).purchase_token);
  CHECK(sales->at(1).proof_of_work == 0);
}

TEST_CASE("ids of sales") {
  Options options;
  CHECK(problem_of(options, "sales: [{id: mug, stock: 1}, {id: mug, stock: 1}]") ==
        "sale mug: id: given twice");
  CHECK(problem_of(options, "sales: [{id: 'a/b', stock: 1}]").starts_with("sale \"a/b\": id: "));
  CHECK(problem_of(options, "sales: [{id: '', stock: 1}]").starts_with("sale \"\": id: "));
  CHECK(problem_of(options, "sales: [{id: mug}]").find("stock") != std::string::npos);
  CHECK(problem_of(options, "sales: [{stock: 1}]").find("id") != std::string::npos);
}

TEST_CASE("what the options mean to others") {
  Options options;
  REQUIRE(problem_of(options,
                     "bootstrap_servers: a:1,b:2\n"
                     "loops: 3\n"
                     "max_connections: 10\n"
                     "max_body_bytes: 1KiB\n"
                     "send_timeout: 2s\n"
                     "linger: 5ms\n"
                     "in_flight_orders_max: 7\n"
                     "kafka: [client.rack=r1]\n") == "");
  CHECK(client_settings(options).bootstrap_servers == "a:1,b:2");
  CHECK(client_settings(options).extra == std::vector<std::string>{"client.rack=r1"});
  const auto producer = producer_options(options);
  CHECK(producer.message_timeout == Millis(2'000));
  CHECK(producer.request_timeout == Millis(2'000));  // never beyond the message's
  CHECK(producer.linger == Millis(5));
  CHECK(producer.queue_messages_max == 7);
  const auto limits = http_limits(options);
  CHECK(limits.connections_max == 4);  // of one loop of three, rounded up
  CHECK(limits.body_bytes_max == 1024);
}

TEST_CASE("the admin token is none, or one that can stand in a header and not be guessed") {
  Options options;
  CHECK(problem_of(options, "admin_token: ''") == "");
  CHECK(problem_of(options, "admin_token: 0123456789abcde=") == "");
  for (const std::string& token :
       {std::string("0123456789abcde"), std::string(513, 'x'), std::string("0123456789 abcdef"),
        std::string("0123456789abcd€")}) {
    CAPTURE(token);
    const auto problem = problem_of(options, fmt::format("admin_token: \"{}\"", token));
    CHECK(problem.starts_with("admin_token: must have 16 to 512 characters"));
    CHECK(problem.find(token) == std::string::npos);  // it is a secret
  }
}

TEST_CASE("how people prove who they are needs keys, and keys need that") {
  const auto told = [](const std::string& yaml) {
    Options options;
    return problem_of(options, yaml);
  };
  CHECK(told("auth: none") == "");
  CHECK(told("auth: jwt").starts_with("auth: jwt needs jwt_secret_files"));
  CHECK(told("{auth: jwt, jwt_secret_files: [a]}") == "");
  CHECK(told("{auth: jwt, jwt_public_key_files: [a, b]}") == "");
  CHECK(told("jwt_secret_files: [a]") ==
        "auth: is none, but there are keys of tokens: set it to jwt");
  CHECK(
      told("{auth: jwt, jwt_secret_files: [a, b, c, d, e], jwt_public_key_files: [f, g, h, i]}") ==
      "jwt_secret_files, jwt_public_key_files: at most 8");
  CHECK(told("auth: basic").find("auth") != std::string::npos);
  CHECK(told("{auth: jwt, jwt_secret_files: [a], jwt_leeway: 11m}").find("jwt_leeway") !=
        std::string::npos);
}

TEST_CASE("the cookie of tokens and where to log in") {
  const auto told = [](const std::string& more) {
    Options options;
    return problem_of(options, "{auth: jwt, jwt_secret_files: [a], " + more + "}");
  };
  CHECK(told("jwt_cookie: session") == "");
  CHECK(told("jwt_cookie: __Host-id, login_url: 'https://id.example/login?to={path}'") == "");
  CHECK(told("jwt_cookie: id, login_url: /login") == "");
  CHECK(told("login_url: /login") == "login_url: needs jwt_cookie, which the login has to set");
  CHECK(told("jwt_cookie: id, login_url: 'javascript:alert(1)'") ==
        "login_url: must begin with https://, http:// or /");
  CHECK(told("jwt_cookie: 'a b'").starts_with("jwt_cookie: needs auth: jwt"));
  Options options;
  CHECK(problem_of(options, "jwt_cookie: id").starts_with("jwt_cookie: needs auth: jwt"));
}

TEST_CASE("the payment URL is none, or one of the web that names the order") {
  Options options;
  CHECK(problem_of(options, "payment_url: ''") == "");
  CHECK(problem_of(options, "payment_url: 'https://pay.example/{order}?sum={amount}'") == "");
  CHECK(problem_of(options, "payment_url: 'http://127.0.0.1:9/{order}'") == "");
  for (const std::string_view url :
       {"https://pay.example/", "javascript:alert('{order}')", "/pay/{order}", "{order}"}) {
    CAPTURE(url);
    CHECK(problem_of(options, fmt::format("payment_url: \"{}\"", url))
              .starts_with("payment_url: must begin with https://"));
  }
}

TEST_CASE("rate limits are none, or rates") {
  Options options;
  CHECK(rates(options).user == Rate{.count = 10, .per = Millis(1'000), .burst = 20});
  CHECK(!rates(options).address);
  CHECK(!rates(options).global);
  REQUIRE(problem_of(options,
                     "rate_limit_user: ''\n"
                     "rate_limit_ip: 30/m\n"
                     "rate_limit_global: 5000/s burst 10000\n") == "");
  CHECK(!rates(options).user);
  CHECK(rates(options).address == Rate{.count = 30, .per = Millis(60'000), .burst = 30});
  CHECK(rates(options).global == Rate{.count = 5'000, .per = Millis(1'000), .burst = 10'000});
  for (const std::string_view name : {"rate_limit_user", "rate_limit_ip", "rate_limit_global"}) {
    Options wrong;
    CAPTURE(name);
    CHECK(problem_of(wrong, fmt::format("{}: often", name))
              .starts_with(fmt::format("{}: \"often\" is not a rate", name)));
  }
}

TEST_CASE("trusted proxies are networks") {
  Options options;
  REQUIRE(problem_of(options,
                     "trusted_proxies: [10.0.0.0/8, '::1']\n"
                     "forwarded_header: Forwarded\n") == "");
  http::Request request;
  request.peer = "[::1]:80";
  request.header_array[request.header_count++] = {"Forwarded", "for=192.0.2.1"};
  CHECK(client_addresses(options).of(request)->text() == "192.0.2.1");
  CHECK(problem_of(options, "trusted_proxies: [10.0.0.1/8]")
            .starts_with("trusted_proxies: \"10.0.0.1/8\" is not a network"));
  CHECK(problem_of(options, "forwarded_header: X-Real-IP").find("forwarded_header") !=
        std::string::npos);
}

TEST_CASE("limits of the options") {
  Options options;
  CHECK(problem_of(options, "loops: 0").find("loops") != std::string::npos);
  CHECK(problem_of(options, "answer_within: 99ms").find("answer_within") != std::string::npos);
  CHECK(problem_of(options, "log_level: loud").find("log_level") != std::string::npos);
  CHECK(problem_of(options, "partitions: 0").find("partitions") != std::string::npos);
}

}  // namespace sluice::frontend
