// Cancelling and paying, row by row. What the worker would write is played by a stranger.

#include <doctest/doctest.h>

#include <fmt/format.h>

#include "tests/unit/client/deliveries.h"
#include "tests/unit/frontend/open_shop.h"

namespace sluice::frontend {

using client::eventually;

namespace {

constexpr const char* kPayment = R"({"payment_id":"p1","amount":9900,"currency":"CNY"})";

// A shop with an order of ann's for one mug.
struct Ordered {
  ShopLog log;
  Shop shop;
  std::string id = order_of("ann");
  std::string target = "/v1/orders/" + id;

  Ordered() : shop(log) {
    shop.start_and_wait();
    REQUIRE(shop.order("ann").status == 202);
    wait_read_back(shop);
  }

  Reply cancel(std::string_view user = "ann") {
    return shop.ask("DELETE", target, fmt::format("X-User-Id: {}\r\n", user));
  }
  Reply pay(std::string_view body = kPayment) {
    const std::string path = target + "/payment";
    const auto seconds = shop.clock.wall().unix_millis / 1000;
    return shop.ask(
        "POST", path,
        fmt::format("Sluice-Signature: {}\r\n", shop.payments.sign(path, body, seconds)), body);
  }
  // The worker's word, until the shop has it.
  void becomes(const ledger::Event& event, std::string_view state) {
    Stranger(log).write(event);
    REQUIRE(eventually([&] { return shop.ask("GET", target).says(state); }));
  }
};

}  // namespace

TEST_CASE("a cancelled order's units are sold again") {
  Ordered ordered;
  Shop& shop = ordered.shop;
  CHECK(shop.available() == 9);
  const auto reply = ordered.cancel();
  CHECK(reply.status == 200);
  CHECK(reply.says(R"("state":"cancelled")"));
  CHECK(reply.header("ETag") == "\"cancelled\"");
  CHECK(shop.available() == 10);
  CHECK(ordered.cancel().body == reply.body);  // asked again
  CHECK(shop.available() == 10);
  // Its key is used up: the same order is shown. Another key is another order.
  CHECK(shop.order("ann").says(R"("state":"cancelled")"));
  CHECK(shop.order("ann", "Idempotency-Key: b\r\n", R"({"quantity":2})").status == 202);
}

TEST_CASE("an order that is placed can be cancelled, one that has ended cannot") {
  Ordered ordered;
  const std::string sale = "mug";
  SUBCASE("placed") {
    ordered.becomes(ledger::Placed{.order = ordered.id, .sale = sale}, "placed");
    CHECK(ordered.cancel().says(R"("state":"cancelled")"));
    CHECK(ordered.shop.available() == 10);
  }
  SUBCASE("paid") {
    ordered.becomes(ledger::Paid{.order = ordered.id, .sale = sale}, "paid");
    check_problem(ordered.cancel(), 409, "already-paid");
    CHECK(ordered.shop.available() == 9);
  }
  SUBCASE("expired") {
    ordered.becomes(ledger::Expired{.order = ordered.id, .sale = sale}, "expired");
    check_problem(ordered.cancel(), 410, "order-ended");
  }
  SUBCASE("rejected") {
    ordered.becomes(ledger::Rejected{.order = ordered.id, .sale = sale, .why = "w"}, "rejected");
    check_problem(ordered.cancel(), 410, "order-ended");
  }
}

TEST_CASE("whose order is cancelled") {
  Ordered ordered;
  check_problem(ordered.shop.ask("DELETE", ordered.target), 401, "no-user");
  check_problem(ordered.cancel("bob"), 404, "no-such-order");
  check_problem(ordered.shop.ask("DELETE", "/v1/orders/" + order_of("bob"), "X-User-Id: bob\r\n"),
                404, "no-such-order");
  check_problem(ordered.shop.ask("DELETE", "/v1/orders/x", "X-User-Id: bob\r\n"), 404,
                "no-such-order");
  CHECK(ordered.shop.available() == 9);
}

TEST_CASE("a payment counts once") {
  Ordered ordered;
  const auto reply = ordered.pay();
  CHECK(reply.status == 200);
  CHECK(reply.says(R"("state":"paid")"));
  CHECK(reply.header("Idempotency-Replayed") == "");
  const auto again = ordered.pay();
  CHECK(again.status == 200);
  CHECK(again.body == reply.body);
  CHECK(again.header("Idempotency-Replayed") == "true");
  check_problem(ordered.pay(R"({"payment_id":"p2","amount":9900,"currency":"CNY"})"), 409,
                "already-paid");
  check_problem(ordered.cancel(), 409, "already-paid");
  CHECK(ordered.shop.available() == 9);
}

TEST_CASE("money for an order that has ended is owed back") {
  Ordered ordered;
  SUBCASE("cancelled") {
    CHECK(ordered.cancel().status == 200);
  }
  SUBCASE("expired") {
    ordered.becomes(ledger::Expired{.order = ordered.id, .sale = "mug"}, "expired");
  }
  const auto reply = ordered.pay();
  CHECK(reply.status == 200);
  CHECK(reply.says(R"("refund_due":true)"));
  CHECK(reply.header("ETag").ends_with("-refund\""));
  CHECK(ordered.pay().header("Idempotency-Replayed") == "true");
  CHECK(ordered.shop.available() == 10);
}

TEST_CASE("notifications that are not valid") {
  Ordered ordered;
  const auto nobody = ordered.shop.ask("POST", ordered.target + "/payment", "", kPayment);
  check_problem(nobody, 401, "bad-signature");
  CHECK(nobody.header("WWW-Authenticate") == "Sluice-Signature");
  for (const char* body : {"", "[]", "{}", R"({"payment_id":"","amount":9900,"currency":"CNY"})",
                           R"({"payment_id":"p","amount":-1,"currency":"CNY"})",
                           R"({"payment_id":"p","amount":9900.5,"currency":"CNY"})",
                           R"({"payment_id":"p","amount":9900,"currency":5})"}) {
    CAPTURE(body);
    check_problem(ordered.pay(body), 400, "invalid-request");
  }
  for (const char* body : {R"({"payment_id":"p","amount":9899,"currency":"CNY"})",
                           R"({"payment_id":"p","amount":9900,"currency":"EUR"})"}) {
    CAPTURE(body);
    check_problem(ordered.pay(body), 422, "wrong-amount");
  }
  ordered.target = "/v1/orders/" + order_of("bob");
  check_problem(ordered.pay(), 404, "no-such-order");
  CHECK(!ordered.shop.ask("GET", "/v1/orders/" + ordered.id).says("paid"));
}

TEST_CASE("a log that is away changes nothing") {
  Ordered ordered;
  ordered.log.down();
  REQUIRE(eventually([&] { return !ordered.shop.log->reachable(); }));
  check_problem(ordered.cancel(), 503, "log-unavailable");
  check_problem(ordered.pay(), 503, "log-unavailable");
}

}  // namespace sluice::frontend
