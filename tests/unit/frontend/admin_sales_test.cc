// The admin API of sales, row by row.

#include <doctest/doctest.h>

#include <fmt/format.h>

#include "tests/unit/client/deliveries.h"
#include "tests/unit/frontend/open_shop.h"

namespace sluice::frontend {

using client::eventually;

namespace {

constexpr const char* kAny = "If-Match: *\r\n";

std::string keyed(std::string_view key, std::string_view more = "") {
  return fmt::format("Idempotency-Key: \"{}\"\r\n{}", key, more);
}

}  // namespace

TEST_CASE("who may use it") {
  Open open;
  const char* targets[][2] = {{"GET", "/v1/sales"},
                              {"POST", "/v1/sales"},
                              {"GET", "/v1/sales/mug"},
                              {"PATCH", "/v1/sales/mug"},
                              {"GET", "/v1/sales/mug/stock"},
                              {"POST", "/v1/sales/mug/grants"},
                              {"POST", "/v1/sales/mug/publish"},
                              {"POST", "/v1/sales/mug/pause"},
                              {"POST", "/v1/sales/mug/resume"},
                              {"POST", "/v1/sales/mug/close"}};
  for (const auto& [method, target] : targets) {
    CAPTURE(method);
    CAPTURE(target);
    const auto nobody = open.shop.ask_admin(method, target, kAny);
    check_problem(nobody, 401, "not-authorized");
    CHECK(nobody.header("WWW-Authenticate") == "Bearer");
    for (const char* token : {"", "wrong", "0123456789abcdef-tokeN", "0123456789abcdef-token2"}) {
      const auto other = open.shop.ask_admin(
          method, target, fmt::format("Authorization: Bearer {}\r\n{}", token, kAny));
      check_problem(other, 401, "not-authorized");
      CHECK(other.header("WWW-Authenticate").starts_with("Bearer"));
    }
    check_problem(
        open.shop.ask_admin(method, target, fmt::format("Authorization: Basic {}\r\n", kShopToken)),
        401, "not-authorized");
  }
  CHECK(open.shop
            .ask_admin("GET", "/v1/sales", fmt::format("Authorization: bearer {}\r\n", kShopToken))
            .status == 200);
  CHECK(open.shop.sale().definition().paused == false);
}

TEST_CASE("without a token in the options nobody may, and is told why") {
  Shop::Options options;
  options.admin_token.clear();
  Open open(std::move(options));
  const auto reply = open.shop.admin("GET", "/v1/sales");
  check_problem(reply, 403, "admin-disabled");
  CHECK(reply.says("admin_token"));
  check_problem(open.shop.ask_admin("GET", "/v1/sales", "Authorization: Bearer \r\n"), 403,
                "admin-disabled");
}

TEST_CASE("before the log is read nothing is known") {
  ShopLog log;
  Shop shop(log);
  const auto reply = shop.admin("GET", "/v1/sales/mug");
  check_problem(reply, 503, "starting");
  CHECK(reply.header("Retry-After") == "1");
}

TEST_CASE("a sale is created, and sells at once") {
  Open open;
  Shop& shop = open.shop;
  const auto made = shop.admin("POST", "/v1/sales", keyed("k1"),
                               R"({"id":"cup","stock":5,"title":"A cup","unit_price":100,)"
                               R"("currency":"EUR","per_user_limit":2,)"
                               R"("ends_at":"2023-11-14T23:00:00Z","payment_window_ms":60000})");
  CHECK(made.status == 201);
  CHECK(made.header("Location") == "/v1/sales/cup");
  CHECK(made.header("ETag") == "\"1\"");
  CHECK(made.body == R"({"id":"cup","title":"A cup","status":"published","revision":1,"granted":5,)"
                     R"("per_user_limit":2,"unit_price":100,"currency":"EUR",)"
                     R"("ends_at":"2023-11-14T23:00:00.000Z","payment_window_ms":60000,)"
                     R"("purchase_token":"none","proof_of_work":0,"waiting_room_rate":0})"
                     "\n");
  CHECK(shop.ask("POST", "/v1/sales/cup/orders", "X-User-Id: ann\r\n").status == 202);
  SUBCASE("a repeat with the key has the same answer") {
    const auto again = shop.admin("POST", "/v1/sales", keyed("k1"),
                                  R"({"id":"cup","stock":5,"title":"A cup","unit_price":100,)"
                                  R"("currency":"EUR","per_user_limit":2,)"
                                  R"("ends_at":"2023-11-14T23:00:00Z","payment_window_ms":60000})");
    CHECK(again.status == 201);
    CHECK(again.header("Idempotency-Replayed") == "true");
    CHECK(again.body == made.body);
    check_problem(shop.admin("POST", "/v1/sales", keyed("k1"), R"({"id":"cup","stock":6})"), 422,
                  "key-reused");
    CHECK(shop.available("cup") == 4);
  }
  SUBCASE("another sale of that id is refused") {
    check_problem(shop.admin("POST", "/v1/sales", "", R"({"id":"cup","stock":5})"), 409,
                  "sale-exists");
    check_problem(shop.admin("POST", "/v1/sales", keyed("k2"), R"({"id":"mug","stock":5})"), 409,
                  "sale-exists");
  }
  SUBCASE("it is there after a restart") {
    shop.reader.reset();
    Shop next(open.log);
    next.start_and_wait();
    CHECK(next.available("cup") == 4);
    CHECK(next.admin("GET", "/v1/sales/cup").header("ETag") == "\"1\"");
  }
}

TEST_CASE("a draft is not shown and sells nothing until it is published") {
  Open open;
  Shop& shop = open.shop;
  REQUIRE(shop.admin("POST", "/v1/sales", "", R"({"id":"cup","stock":5,"draft":true})").status ==
          201);
  check_problem(shop.ask("GET", "/v1/sales/cup"), 404, "no-such-sale");
  CHECK(!shop.ask("GET", "/v1/sales").says("cup"));
  check_problem(shop.ask("POST", "/v1/sales/cup/orders", "X-User-Id: ann\r\n"), 404,
                "no-such-sale");
  const auto draft = shop.admin("GET", "/v1/sales/cup");
  CHECK(draft.says(R"("status":"draft")"));
  CHECK(shop.admin("GET", "/v1/sales/cup/stock").says(R"("state":"draft")"));
  REQUIRE(shop.admin("PATCH", "/v1/sales/cup", kAny, R"({"starts_at":"2023-11-14T23:00:00+01:00"})")
              .status == 200);
  const auto published = shop.admin("POST", "/v1/sales/cup/publish", kAny);
  CHECK(published.status == 200);
  CHECK(published.says(R"("status":"published")"));
  CHECK(shop.ask("GET", "/v1/sales/cup").says(R"("state":"open")"));
  CHECK(shop.ask("POST", "/v1/sales/cup/orders", "X-User-Id: ann\r\n").status == 202);
}

TEST_CASE("bodies that are not valid name the field") {
  Open open;
  struct Row {
    const char* body;
    const char* field;
  };
  const Row creations[] = {
      {"", "body"},
      {"{", "body"},
      {"[]", "body"},
      {R"({"stock":1})", "id"},
      {R"({"id":"cup"})", "stock"},
      {R"({"id":"a/b","stock":1})", "id"},
      {R"({"id":7,"stock":1})", "id"},
      {R"({"id":"cup","stock":-1})", "stock"},
      {R"({"id":"cup","stock":1000000001})", "stock"},
      {R"({"id":"cup","stock":"1"})", "stock"},
      {R"({"id":"cup","stock":1,"title":""})", "title"},
      {R"({"id":"cup","stock":1,"title":"a\nb"})", "title"},
      {R"({"id":"cup","stock":1,"currency":"TOOLONGER"})", "currency"},
      {R"({"id":"cup","stock":1,"unit_price":-1})", "unit_price"},
      {R"({"id":"cup","stock":1,"unit_price":1.5})", "unit_price"},
      {R"({"id":"cup","stock":1,"per_user_limit":0})", "per_user_limit"},
      {R"({"id":"cup","stock":1,"starts_at":"tomorrow"})", "starts_at"},
      {R"({"id":"cup","stock":1,"starts_at":5})", "starts_at"},
      {R"({"id":"cup","stock":1,"ends_at":"1969-12-31T00:00:00Z"})", "ends_at"},
      {R"({"id":"cup","stock":1,"payment_window_ms":-1})", "payment_window_ms"},
      {R"({"id":"cup","stock":1,"draft":1})", "draft"},
      {R"({"id":"cup","stock":1,"colour":"red"})", "colour"},
      {R"({"id":"cup","stock":1,"starts_at":"2023-11-14T23:00:00Z",)"
       R"("ends_at":"2023-11-14T23:00:00Z"})",
       "ends_at"},
  };
  for (const Row& row : creations) {
    CAPTURE(row.body);
    const auto reply = open.shop.admin("POST", "/v1/sales", "", row.body);
    check_problem(reply, 400, "invalid-request");
    CHECK(reply.says(fmt::format(R"("field":"{}")", row.field)));
  }
  const Row patches[] = {
      {"", "body"},
      {R"({"title":null})", "title"},
      {R"({"stock":5})", "stock"},
      {R"({"paused":true})", "paused"},
      {R"({"ends_at":"x"})", "ends_at"},
  };
  for (const Row& row : patches) {
    CAPTURE(row.body);
    const auto reply = open.shop.admin("PATCH", "/v1/sales/mug", kAny, row.body);
    check_problem(reply, 400, "invalid-request");
    CHECK(reply.says(fmt::format(R"("field":"{}")", row.field)));
  }
  const Row grants[] = {
      {"", "body"},
      {"{}", "units"},
      {R"({"units":0})", "units"},
      {R"({"units":1,"more":1})", "more"},
      {R"({"units":1000000000})", "units"},
  };
  for (const Row& row : grants) {
    CAPTURE(row.body);
    const auto reply = open.shop.admin("POST", "/v1/sales/mug/grants", keyed("g", kAny), row.body);
    check_problem(reply, 400, "invalid-request");
    CHECK(reply.says(fmt::format(R"("field":"{}")", row.field)));
  }
  check_problem(open.shop.admin("POST", "/v1/sales/mug/pause", keyed(std::string(65, 'k'), kAny)),
                400, "invalid-request");
  CHECK(open.shop.available() == 10);
  CHECK(open.shop.admin("GET", "/v1/sales/mug").header("ETag") == "\"1\"");
}

TEST_CASE("a change says which version it is of") {
  Open open;
  Shop& shop = open.shop;
  const auto shown = shop.admin("GET", "/v1/sales/mug");
  const auto tag = shown.header("ETag");
  CHECK(tag == "\"1\"");
  CHECK(shop.admin("GET", "/v1/sales/mug", "If-None-Match: " + tag + "\r\n").status == 304);
  const char* targets[][3] = {{"PATCH", "/v1/sales/mug", R"({"title":"Another"})"},
                              {"POST", "/v1/sales/mug/pause", ""},
                              {"POST", "/v1/sales/mug/resume", ""},
                              {"POST", "/v1/sales/mug/publish", ""},
                              {"POST", "/v1/sales/mug/close", ""},
                              {"POST", "/v1/sales/mug/grants", R"({"units":1})"}};
  for (const auto& [method, target, body] : targets) {
    CAPTURE(target);
    check_problem(shop.admin(method, target, keyed("k"), body), 428, "precondition-required");
    for (const char* other : {"\"0\"", "\"2\"", "W/\"1\"", "1", ""}) {
      CAPTURE(other);
      const auto stale =
          shop.admin(method, target, keyed("k", fmt::format("If-Match: {}\r\n", other)), body);
      check_problem(stale, 412, "sale-changed");
      CHECK(stale.header("ETag") == tag);
    }
  }
  CHECK(shop.admin("GET", "/v1/sales/mug").body == shown.body);
  const auto changed =
      shop.admin("PATCH", "/v1/sales/mug", "If-Match: " + tag + "\r\n", R"({"title":"Another"})");
  CHECK(changed.status == 200);
  CHECK(changed.header("ETag") == "\"2\"");
  CHECK(changed.says(R"("title":"Another")"));
  CHECK(shop.ask("GET", "/v1/sales/mug").says("Another"));
  check_problem(
      shop.admin("PATCH", "/v1/sales/mug", "If-Match: " + tag + "\r\n", R"({"title":"Third"})"),
      412, "sale-changed");
  check_problem(shop.admin("PATCH", "/v1/sales/cup", kAny, R"({"title":"x"})"), 404,
                "no-such-sale");
}

TEST_CASE("a pause stops at once, and a resume goes on") {
  Open open;
  Shop& shop = open.shop;
  REQUIRE(shop.order("ann").status == 202);
  const auto paused = shop.admin("POST", "/v1/sales/mug/pause", kAny);
  CHECK(paused.status == 200);
  CHECK(paused.says(R"("status":"paused")"));
  check_problem(shop.order("bob"), 409, "sale-paused");
  CHECK(shop.order("ann").header("Idempotency-Replayed") == "true");
  CHECK(shop.ask("GET", "/v1/sales/mug").says(R"("state":"paused")"));
  const auto again = shop.admin("POST", "/v1/sales/mug/pause", kAny);
  CHECK(again.status == 200);
  CHECK(again.header("ETag") == paused.header("ETag"));  // nothing changed
  const auto resumed =
      shop.admin("POST", "/v1/sales/mug/resume", "If-Match: " + paused.header("ETag") + "\r\n");
  CHECK(resumed.says(R"("status":"published")"));
  CHECK(shop.order("bob").status == 202);
  CHECK(shop.available() == 8);
}

TEST_CASE("closed is final") {
  Open open;
  Shop& shop = open.shop;
  REQUIRE(shop.order("ann").status == 202);
  const auto closed = shop.admin("POST", "/v1/sales/mug/close", kAny);
  CHECK(closed.says(R"("status":"closed")"));
  check_problem(shop.order("bob"), 410, "sale-ended");
  CHECK(shop.admin("POST", "/v1/sales/mug/close", kAny).header("ETag") == closed.header("ETag"));
  check_problem(shop.admin("POST", "/v1/sales/mug/pause", kAny), 409, "sale-closed");
  check_problem(shop.admin("PATCH", "/v1/sales/mug", kAny, R"({"title":"x"})"), 409, "sale-closed");
  check_problem(shop.admin("POST", "/v1/sales/mug/grants", keyed("g", kAny), R"({"units":1})"), 409,
                "sale-closed");
  // Not over before its orders are: the mug's have 15 minutes to be paid.
  CHECK(shop.admin("GET", "/v1/sales/mug/stock").says(R"("state":"closed")"));
  Stranger(open.log).write(ledger::Paid{.order = order_of("ann"), .sale = "mug"});
  CHECK(eventually(
      [&] { return shop.admin("GET", "/v1/sales/mug/stock").says(R"("state":"settled")"); }));
}

TEST_CASE("what a published sale cannot become") {
  Open open;
  const auto reply = open.shop.admin("PATCH", "/v1/sales/mug", kAny, R"({"currency":"EUR"})");
  check_problem(reply, 409, "currency-fixed");
  CHECK(reply.says(R"("field":"currency")"));
}

TEST_CASE("times can be moved, and are kept to the millisecond") {
  Open open;
  Shop& shop = open.shop;
  REQUIRE(shop.admin("PATCH", "/v1/sales/mug", kAny,
                     R"({"starts_at":"2023-11-14T22:13:20.500Z",)"
                     R"("ends_at":"2023-11-14T22:13:21.500Z"})")
              .status == 200);
  const auto early = shop.order("ann");
  check_problem(early, 409, "sale-not-started");
  CHECK(early.says(R"("starts_at":"2023-11-14T22:13:20.500Z")"));
  shop.clock.set_wall(1'700'000'000'499);
  check_problem(shop.order("ann"), 409, "sale-not-started");
  shop.clock.set_wall(1'700'000'000'500);
  CHECK(shop.order("ann").status == 202);
  shop.clock.set_wall(1'700'000'001'499);
  CHECK(shop.order("bob").status == 202);
  shop.clock.set_wall(1'700'000'001'500);
  check_problem(shop.order("cid"), 410, "sale-ended");
  REQUIRE(
      shop.admin("PATCH", "/v1/sales/mug", kAny, R"({"starts_at":null,"ends_at":null})").status ==
      200);
  CHECK(shop.order("cid").status == 202);
  CHECK(!shop.admin("GET", "/v1/sales/mug").says("ends_at"));
}

TEST_CASE("a restock opens a sale that is sold out, once") {
  auto sale = mug();
  sale.stock = 1;
  Shop::Options options;
  options.sales = {sale};
  Open open(std::move(options));
  Shop& shop = open.shop;
  REQUIRE(shop.order("ann").status == 202);
  check_problem(shop.order("bob"), 409, "sold-out");
  CHECK(shop.ask("GET", "/v1/sales/mug").says(R"("state":"sold_out")"));
  const auto keyless = shop.admin("POST", "/v1/sales/mug/grants", kAny, R"({"units":2})");
  check_problem(keyless, 400, "idempotency-key-required");
  CHECK(keyless.header("Link").find("describedby") != std::string::npos);
  const auto granted =
      shop.admin("POST", "/v1/sales/mug/grants", keyed("g1", kAny), R"({"units":2})");
  CHECK(granted.status == 200);
  CHECK(granted.says(R"("granted":3)"));
  CHECK(shop.available() == 2);
  const auto again = shop.admin("POST", "/v1/sales/mug/grants", keyed("g1", "If-Match: \"1\"\r\n"),
                                R"({"units":2})");
  CHECK(again.status == 200);
  CHECK(again.header("Idempotency-Replayed") == "true");
  check_problem(shop.admin("POST", "/v1/sales/mug/grants", keyed("g1", kAny), R"({"units":3})"),
                422, "key-reused");
  CHECK(shop.available() == 2);
  CHECK(shop.order("bob").status == 202);
  CHECK(shop.order("cid").status == 202);
  check_problem(shop.order("dan"), 409, "sold-out");
}

TEST_CASE("two at the same time: one is done, the other is told to wait; a repeat joins") {
  Open open;
  Shop& shop = open.shop;
  open.log.delay_answers(300);
  const auto headers = fmt::format("Authorization: Bearer {}\r\n{}", kShopToken, kAny);
  auto& first = shop.send_admin("POST", "/v1/sales/mug/pause", keyed("k", headers), "");
  auto& joined = shop.send_admin("POST", "/v1/sales/mug/pause", keyed("k", headers), "");
  const auto other = shop.admin("POST", "/v1/sales/mug/close", kAny);
  check_problem(other, 409, "change-in-progress");
  CHECK(other.header("Retry-After") == "1");
  check_problem(shop.admin("POST", "/v1/sales/mug/close", keyed("k", kAny)), 422, "key-reused");
  // While it is on its way nothing is sold that could stand behind it on the log.
  check_problem(shop.order("ann"), 503, "sale-changing");
  CHECK(shop.available() == 10);
  const auto done = shop.await(first);
  CHECK(done.status == 200);
  CHECK(done.header("Idempotency-Replayed") == "");
  const auto same = shop.await(joined);
  CHECK(same.body == done.body);
  CHECK(same.header("Idempotency-Replayed") == "true");
  check_problem(shop.order("ann"), 409, "sale-paused");
}

TEST_CASE("a log that is away or slow") {
  Shop::Options options;
  options.answer_within = Millis(100);
  Open open(std::move(options));
  Shop& shop = open.shop;
  SUBCASE("away: nothing is changed") {
    open.log.down();
    REQUIRE(eventually([&] { return !shop.log->reachable(); }));
    const auto reply = shop.admin("POST", "/v1/sales/mug/pause", kAny);
    check_problem(reply, 503, "log-unavailable");
    CHECK(shop.admin("GET", "/v1/sales/mug").header("ETag") == "\"1\"");
    open.log.up();
    REQUIRE(eventually([&] { return shop.log->reachable(); }));
  }
  SUBCASE("a send that certainly failed") {
    open.log.fail_next(client::kProduceRequest, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    check_problem(shop.admin("POST", "/v1/sales/mug/pause", kAny), 503, "log-unavailable");
    CHECK(shop.order("ann").status == 202);
  }
  SUBCASE("slow: the outcome is unknown, a repeat with the key gets it") {
    for (int i = 0; i < 1'000; ++i) {
      open.log.fail_next(client::kProduceRequest, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    }
    const auto reply = shop.admin("POST", "/v1/sales/mug/pause", keyed("k", kAny));
    check_problem(reply, 504, "outcome-unknown");
    check_problem(shop.order("ann"), 503, "sale-changing");
    open.log.heal(client::kProduceRequest);
    Reply again;
    REQUIRE(eventually([&] {
      again = shop.admin("POST", "/v1/sales/mug/pause", keyed("k", kAny));
      return again.status != 504;
    }));
    CHECK(again.status == 200);
    check_problem(shop.order("ann"), 409, "sale-paused");
  }
}

TEST_CASE("a change in doubt is settled by a new epoch, and the sale goes on") {
  Shop::Options options;
  options.answer_within = Millis(200);
  options.producer.message_timeout = Millis(1'000);
  options.producer.request_timeout = Millis(1'000);
  Open open(std::move(options));
  Shop& shop = open.shop;
  for (int i = 0; i < 1'000; ++i) {
    open.log.fail_next(client::kProduceRequest, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
  }
  check_problem(shop.admin("POST", "/v1/sales/mug/pause", keyed("k", kAny)), 504,
                "outcome-unknown");
  REQUIRE(eventually([&] { return !shop.changes.doubtful_partitions().empty(); }));
  open.log.heal(client::kProduceRequest);
  REQUIRE(eventually([&] { return shop.changes.doubtful_partitions().empty(); }));
  CHECK(shop.order("ann").status == 202);
  CHECK(shop.admin("GET", "/v1/sales/mug").says(R"("status":"published")"));
  CHECK(eventually(
      [&] { return shop.admin("POST", "/v1/sales/mug/pause", keyed("k", kAny)).status == 200; }));
}

TEST_CASE("a frontend of yesterday changes nothing") {
  ShopLog log;
  Shop first(log);
  first.start_and_wait();
  auto stale = mug();
  stale.paused = true;
  stale.epoch = 1;
  stale.change = "late";
  Shop second(log);
  second.start_and_wait();
  REQUIRE(eventually([&] { return first.ended().has_value(); }));
  check_problem(first.admin("POST", "/v1/sales/mug/pause", kAny), 503, "starting");
  Stranger(log).write(stale);  // what it sent before it knew
  REQUIRE(second.order("ann").status == 202);
  CHECK(second.admin("GET", "/v1/sales/mug").header("ETag") == "\"1\"");
}

TEST_CASE("sales of before there was a lifecycle can be changed") {
  ShopLog log;
  auto old = mug();
  old.paused = true;
  Stranger(log).write(old);
  Shop shop(log);
  shop.start_and_wait();
  check_problem(shop.order("ann"), 409, "sale-paused");
  CHECK(shop.admin("GET", "/v1/sales/mug").header("ETag") == "\"1\"");
  CHECK(shop.admin("POST", "/v1/sales/mug/resume", "If-Match: \"1\"\r\n").status == 200);
  CHECK(shop.order("ann").status == 202);
}

TEST_CASE("the list has each sale with its stock") {
  Open open;
  Shop& shop = open.shop;
  REQUIRE(shop.order("ann").status == 202);
  wait_read_back(shop);
  const auto all = shop.admin("GET", "/v1/sales");
  CHECK(all.status == 200);
  CHECK(all.body == R"({"sales":[{"id":"mug","title":"A mug","status":"published","revision":1,)"
                    R"("granted":10,"per_user_limit":2,"unit_price":9900,"currency":"CNY",)"
                    R"("payment_window_ms":900000,"purchase_token":"none","proof_of_work":0,)"
                    R"("waiting_room_rate":0,)"
                    R"("stock":{"id":"mug","state":"open","granted":10,)"
                    R"("available":9,"held":1,"orders":1,"waiting":1,)"
                    R"("server_time":"2023-11-14T22:13:20.000Z"}}]})"
                    "\n");
  check_problem(shop.admin("GET", "/v1/sales/cup/stock"), 404, "no-such-sale");
}

}  // namespace sluice::frontend
