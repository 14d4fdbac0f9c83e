// The rate limits as orders meet them. No limit here comes back while a test runs.

#include <doctest/doctest.h>

#include <fmt/format.h>

#include "frontend/handlers/rate_refusals.h"
#include "tests/unit/frontend/open_shop.h"

namespace sluice::frontend {

namespace {

// One request an hour after the first few.
Rate few(std::int64_t burst) {
  return {.count = 1, .per = Millis(3'600'000), .burst = burst};
}

Shop::Options limited(Admission::Rates rates) {
  Shop::Options options;
  options.rates = std::move(rates);
  return options;
}

std::uint64_t refused(Shop& shop, RateLimit limit) {
  return shop.metrics.rate_limited[static_cast<std::size_t>(limit)]->value();
}

void check_limited(const Reply& reply, std::string_view limit) {
  check_problem(reply, 429, "rate-limited");
  CHECK(reply.says(fmt::format(R"("limit":"{}")", limit)));
  CHECK(reply.header("Retry-After") == "3600");
}

}  // namespace

TEST_CASE("one user's requests, whatever becomes of them") {
  Open open(limited({.user = few(3)}));
  Shop& shop = open.shop;
  CHECK(shop.order("ann").status == 202);
  CHECK(shop.order("ann").header("Idempotency-Replayed") == "true");
  CHECK(shop.order("ann", "", "not JSON").status == 400);
  check_limited(shop.order("ann"), "user");
  CHECK(shop.order("bob").status == 202);
  CHECK(shop.available() == 8);
  CHECK(refused(shop, RateLimit::user) == 1);
  CHECK(refused(shop, RateLimit::address) == 0);
}

TEST_CASE("places, challenges and tokens count like orders, each for itself") {
  auto options = limited({.user = few(2), .address = few(3)});
  options.sales.front().purchase_token = true;
  options.sales.front().proof_of_work = 1;
  Open open(std::move(options));
  Shop& shop = open.shop;
  const struct {
    const char* method;
    const char* what;
  } kinds[] = {{"POST", "ticket"}, {"GET", "challenge"}, {"POST", "purchase-token"}};
  std::string port = "1";
  for (const auto& [method, what] : kinds) {
    CAPTURE(what);
    shop.peer = "203.0.113.9:" + (port += '1');
    const auto ask = [&](const char* user) {
      return shop.ask(method, fmt::format("/v1/sales/mug/{}", what),
                      fmt::format("X-User-Id: {}\r\n", user));
    };
    for (int i = 0; i < 2; ++i) CHECK(ask("ann").status != 429);
    check_limited(ask("ann"), "user");
    check_limited(ask("bob"), "ip");
  }
  CHECK(refused(shop, RateLimit::user) == 3);
  CHECK(refused(shop, RateLimit::address) == 3);
}

TEST_CASE("one address, through a proxy or not") {
  Open open(limited({.address = few(1)}));
  Shop& shop = open.shop;
  shop.peer = "203.0.113.9:1111";
  CHECK(shop.order("ann").status == 202);
  shop.peer = "203.0.113.9:2222";
  check_limited(shop.order("bob"), "ip");
  check_limited(shop.order("bob", "X-Forwarded-For: 198.51.100.1\r\n"), "ip");
  shop.peer = "10.0.0.1:80";
  CHECK(shop.order("bob", "X-Forwarded-For: 198.51.100.1\r\n").status == 202);
  check_limited(shop.order("cid", "X-Forwarded-For: 203.0.113.9\r\n"), "ip");
  // The whole /64 is one customer; the next is another.
  CHECK(shop.order("cid", "X-Forwarded-For: 2001:db8::1\r\n").status == 202);
  check_limited(shop.order("dan", "X-Forwarded-For: 2001:db8:0:0:ffff::2\r\n"), "ip");
  CHECK(shop.order("dan", "X-Forwarded-For: 2001:db8:0:1::1\r\n").status == 202);
  CHECK(refused(shop, RateLimit::address) == 4);
}

TEST_CASE("all together: new orders count, repeats do not") {
  Open open(limited({.global = few(2)}));
  Shop& shop = open.shop;
  CHECK(shop.order("ann").status == 202);
  CHECK(shop.order("bob").status == 202);
  check_limited(shop.order("cid"), "global");
  CHECK(shop.order("ann").header("Idempotency-Replayed") == "true");
  CHECK(shop.available() == 8);
  CHECK(refused(shop, RateLimit::global) == 1);
}

TEST_CASE("who is refused by one limit does not use up another") {
  Open open(limited({.user = few(1), .global = few(2)}));
  Shop& shop = open.shop;
  CHECK(shop.order("ann").status == 202);
  check_limited(shop.order("ann"), "user");
  CHECK(shop.order("bob").status == 202);
}

TEST_CASE("a sold-out sale says so, and counts nothing") {
  auto sale = mug();
  sale.stock = 1;
  auto options = limited({.user = few(1), .address = few(1), .global = few(1)});
  options.sales = {sale};
  Open open(std::move(options));
  Shop& shop = open.shop;
  shop.peer = "203.0.113.9:1111";
  CHECK(shop.order("ann").status == 202);
  for (int i = 0; i < 5; ++i) check_problem(shop.order("bob"), 409, "sold-out");
  shop.peer = "203.0.113.9:2222";
  CHECK(refused(shop, RateLimit::address) == 0);
}

TEST_CASE("Retry-After is whole seconds, never too early") {
  using std::chrono::nanoseconds;
  const RateRefusals refusals;
  struct Row {
    nanoseconds wait;
    const char* seconds;
  };
  const Row rows[] = {
      {nanoseconds(1), "1"},
      {std::chrono::seconds(1), "1"},
      {std::chrono::seconds(1) + nanoseconds(1), "2"},
      {std::chrono::seconds(30), "30"},
      {std::chrono::seconds(31), "31"},
      {std::chrono::hours(2), "7200"},
  };
  for (const Row& row : rows) {
    for (const RateLimit limit : kRateLimits) {
      const http::Answer answer = refusals.of(limit, row.wait);
      Buffer bytes;
      if (const auto* ready = std::get_if<const http::StaticResponse*>(&answer)) {
        (*ready)->append_to(bytes, "now", http::Persistence::keep, false);
      } else {
        const auto& response = std::get<http::Response>(answer);
        bytes = response.header_lines() + response.body;
      }
      CAPTURE(bytes);
      CHECK(bytes.find(fmt::format("Retry-After: {}\r\n", row.seconds)) != Buffer::npos);
      CHECK(bytes.find(fmt::format(R"("limit":"{}")", name_of(limit))) != Buffer::npos);
    }
  }
}

}  // namespace sluice::frontend
