// The HTTP API, row by row.

#include <doctest/doctest.h>

#include <fmt/format.h>

#include "tests/unit/client/deliveries.h"
#include "tests/unit/frontend/open_shop.h"

namespace sluice::frontend {

using client::eventually;

namespace {

Shop::Options selling(const ledger::Sale& sale) {
  Shop::Options options;
  options.sales = {sale};
  return options;
}

}  // namespace

TEST_CASE("an order is accepted, and its repeat has the same answer") {
  Open open;
  Shop& shop = open.shop;
  const auto first = shop.order("ann", "", R"({"quantity":2})");
  CHECK(first.status == 202);
  CHECK(first.header("Location") == "/v1/orders/" + order_of("ann"));
  CHECK(first.header("Retry-After") == "1");
  CHECK(first.header("Content-Type") == "application/json");
  CHECK(first.header("Idempotency-Replayed") == "");
  CHECK(first.body ==
        fmt::format(R"({{"order_id":"{0}","sale":"mug","quantity":2,"state":"queued",)"
                    R"("status_url":"/v1/orders/{0}","expires_at":"2023-11-14T22:28:20.000Z"}})"
                    "\n",
                    order_of("ann")));
  shop.clock.set_wall(1'700'000'050'000);
  const auto check_repeat = [&] {
    const auto repeat = shop.order("ann", "", R"({"quantity":2})");
    CHECK(repeat.status == 202);
    CHECK(repeat.header("Idempotency-Replayed") == "true");
    CHECK(repeat.header("Location") == first.header("Location"));
    CHECK(repeat.body == first.body);
  };
  check_repeat();  // in flight or read back, whichever it is
  wait_read_back(shop);
  check_repeat();
  CHECK(shop.available() == 8);
  CHECK(shop.metrics.accepted.value() == 1);
  CHECK(shop.metrics.replayed.value() == 2);
}

TEST_CASE("TLS early data places no order") {
  Open open;
  check_problem(open.shop.order("ann", "Early-Data: 1\r\n"), 425, "too-early");
  CHECK(open.shop.available() == 10);
  CHECK(open.shop.order("ann", "Early-Data: 0\r\n").status == 202);
}

TEST_CASE("a body of another type is not guessed at") {
  Open open;
  const auto form = open.shop.order("ann", "Content-Type: application/x-www-form-urlencoded\r\n",
                                    R"({"quantity":1})");
  check_problem(form, 415, "unsupported-media-type");
  CHECK(form.header("Accept") == "application/json");
  check_problem(open.shop.admin("POST", "/v1/sales", "Content-Type: text/plain\r\n", "{}"), 415,
                "unsupported-media-type");
  CHECK(
      open.shop.order("ann", "Content-Type: application/json\r\n", R"({"quantity":1.0})").status ==
      202);
}

TEST_CASE("the Idempotency-Key, quoted or plain, names the order") {
  Open open;
  Shop& shop = open.shop;
  const auto first = shop.order("ann", "Idempotency-Key: \"k 1\"\r\n");
  CHECK(first.header("Location") == "/v1/orders/" + order_of("ann", "k 1"));
  const auto plain = shop.order("ann", "Idempotency-Key: k 1\r\n");
  CHECK(plain.header("Idempotency-Replayed") == "true");
  CHECK(plain.body == first.body);
  const auto other = shop.order("ann", "Idempotency-Key: k2\r\n");
  CHECK(other.status == 202);
  CHECK(other.header("Idempotency-Replayed") == "");
  CHECK(shop.order("bob", "Idempotency-Key: k 1\r\n").header("Idempotency-Replayed") == "");
  CHECK(shop.available() == 7);
}

TEST_CASE("the same key with another quantity") {
  Open open;
  REQUIRE(open.shop.order("ann").status == 202);
  const auto reply = open.shop.order("ann", "", R"({"quantity":2})");
  check_problem(reply, 422, "key-reused");
  CHECK(reply.says("/v1/orders/" + order_of("ann")));
  CHECK(open.shop.available() == 9);
}

TEST_CASE("the limit of one user, with a link to what he has") {
  Open open;
  Shop& shop = open.shop;
  const auto none = shop.order("ann", "", R"({"quantity":3})");
  check_problem(none, 409, "limit-reached");
  CHECK(none.says(R"("per_user_limit":2)"));
  CHECK(!none.says("/v1/orders/"));
  REQUIRE(shop.order("ann", "Idempotency-Key: a\r\n", R"({"quantity":2})").status == 202);
  const auto over = shop.order("ann", "Idempotency-Key: b\r\n");
  check_problem(over, 409, "limit-reached");
  CHECK(over.says("/v1/orders/" + order_of("ann", "a")));
  CHECK(shop.available() == 8);
  CHECK(shop.metrics.limit_reached.value() == 2);
}

TEST_CASE("sold out: nobody new, repeats as ever") {
  auto sale = mug();
  sale.stock = 1;
  Open open(selling(sale));
  Shop& shop = open.shop;
  const auto first = shop.order("ann");
  REQUIRE(first.status == 202);
  check_problem(shop.order("bob"), 409, "sold-out");
  check_problem(shop.order("bob", "", "this is not even read"), 409, "sold-out");
  CHECK(shop.order("ann").body == first.body);
  CHECK(shop.metrics.sold_out.value() == 2);
  CHECK(shop.ask("GET", "/v1/sales/mug").says(R"("available":0,"sold_out":true)"));
}

TEST_CASE("more than is left") {
  auto sale = mug();
  sale.stock = 1;
  Open open(selling(sale));
  check_problem(open.shop.order("ann", "", R"({"quantity":2})"), 409, "sold-out");
  CHECK(open.shop.order("ann").status == 202);
}

TEST_CASE("before the start") {
  auto sale = mug();
  sale.starts_at = 1'700'000'001'001;
  Open open(selling(sale));
  const auto reply = open.shop.order("ann");
  check_problem(reply, 409, "sale-not-started");
  CHECK(reply.header("Retry-After") == "2");  // rounded up: not again before the start
  CHECK(reply.says(R"("starts_at":"2023-11-14T22:13:21.001Z")"));
  CHECK(reply.says(R"("server_time":"2023-11-14T22:13:20.000Z")"));
  CHECK(reply.says(R"("retry_after_ms":1001)"));
  open.shop.clock.set_wall(*sale.starts_at);
  CHECK(open.shop.order("ann").status == 202);
}

TEST_CASE("after the end, and in a pause, repeats are still answered") {
  auto sale = mug();
  sale.ends_at = 1'700'000'010'000;
  Open open(selling(sale));
  Shop& shop = open.shop;
  const auto first = shop.order("ann");
  REQUIRE(first.status == 202);
  SUBCASE("ended") {
    shop.clock.set_wall(*sale.ends_at);
    check_problem(shop.order("bob"), 410, "sale-ended");
    check_problem(shop.order("ann", "Idempotency-Key: new\r\n"), 410, "sale-ended");
  }
  SUBCASE("paused") {
    sale.paused = true;
    Stranger(open.log).write(sale);
    REQUIRE(eventually([&] { return shop.sale().definition().paused; }));
    const auto reply = shop.order("bob");
    check_problem(reply, 409, "sale-paused");
    CHECK(reply.header("Retry-After") == "5");
    check_problem(shop.order("ann", "Idempotency-Key: new\r\n"), 409, "sale-paused");
  }
  const auto repeat = shop.order("ann");
  CHECK(repeat.status == 202);
  CHECK(repeat.header("Idempotency-Replayed") == "true");
  CHECK(repeat.body == first.body);
  check_problem(shop.order("ann", "", R"({"quantity":2})"), 422, "key-reused");
  CHECK(shop.available() == 9);
}

TEST_CASE("who is ordering") {
  Open open;
  const auto nobody = open.shop.ask("POST", "/v1/sales/mug/orders");
  check_problem(nobody, 401, "no-user");
  CHECK(nobody.header("WWW-Authenticate") != "");
  check_problem(open.shop.order(""), 401, "no-user");
  check_problem(open.shop.order(std::string(129, 'x')), 401, "no-user");
  // It could be accepted, but never be read back: JSON is UTF-8.
  check_problem(open.shop.order("\xff"), 401, "no-user");
  check_problem(open.shop.order("\xc0\xaf"), 401, "no-user");
  check_problem(open.shop.order("\xed\xa0\x80"), 401, "no-user");
  CHECK(open.shop.available() == 10);
  CHECK(open.shop.order("张三 \"Zhang\" \\ 🏮").status == 202);
  CHECK(open.shop.order(std::string(128, 'x')).status == 202);
  wait_read_back(open.shop);
}

TEST_CASE("requests that are not valid") {
  Open open;
  struct Row {
    const char* headers;
    std::string body;
    const char* says;
  };
  const Row rows[] = {
      {"", "{", "not valid JSON"},
      {"", "quantity=1", "not valid JSON"},
      {"", "[1]", "must be an object"},
      {"", "1", "must be an object"},
      {"", "null", "must be an object"},
      {"", std::string(1'000, '['), "not valid JSON"},
      {"", R"({"quantity":1}x)", "not valid JSON"},
      {"", R"({"amount":1})", "unknown field"},
      {"", R"({"quantity":1,"colour":"red"})", "unknown field"},
      {"", R"({"quantity":0})", "quantity"},
      {"", R"({"quantity":-1})", "quantity"},
      {"", R"({"quantity":1.5})", "quantity"},
      {"", R"({"quantity":1e10})", "quantity"},
      {"", R"({"quantity":"1"})", "quantity"},
      {"", R"({"quantity":null})", "quantity"},
      {"", R"({"quantity":1000000001})", "quantity"},
      {"", R"({"quantity":18446744073709551615})", "quantity"},
      {"Idempotency-Key: \"\"\r\n", "", "Idempotency-Key"},
      {"Idempotency-Key: \r\n", "", "Idempotency-Key"},
      {"Idempotency-Key: \xff\xfe\r\n", "", "Idempotency-Key"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.body);
    const auto reply = open.shop.order("ann", row.headers, row.body);
    check_problem(reply, 400, "invalid-request");
    CHECK(reply.says(row.says));
  }
  const std::string key(255, 'k');
  check_problem(open.shop.order("ann", "Idempotency-Key: " + key + "k\r\n"), 400,
                "invalid-request");
  CHECK(open.shop.available() == 10);
  CHECK(open.shop.order("ann", "Idempotency-Key: " + key + "\r\n", "{}").status == 202);
  CHECK(open.shop.order("bob", "", R"( { "quantity" : 1 } )").status == 202);
}

TEST_CASE("paths and methods") {
  Open open;
  Shop& shop = open.shop;
  check_problem(shop.ask("POST", "/v1/sales/cup/orders", "X-User-Id: ann\r\n"), 404,
                "no-such-sale");
  check_problem(shop.ask("GET", "/v1/sales/cup"), 404, "no-such-sale");
  CHECK(shop.ask("GET", "/v1/nothing").status == 404);
  const auto wrong = shop.ask("GET", "/v1/sales/mug/orders");
  CHECK(wrong.status == 405);
  CHECK(wrong.header("Allow").find("POST") != std::string::npos);
  CHECK(shop.ask("PUT", "/v1/orders/" + order_of("ann")).status == 405);
  CHECK(shop.ask("POST", "/v1/sales").status == 405);
}

TEST_CASE("before the log is read nothing is reserved, and nothing is missing") {
  ShopLog log;
  Shop shop(log);  // its reader was not started
  for (const char* sale : {"mug", "cup"}) {
    const auto reply =
        shop.ask("POST", fmt::format("/v1/sales/{}/orders", sale), "X-User-Id: ann\r\n");
    check_problem(reply, 503, "starting");
    CHECK(reply.header("Retry-After") == "1");
  }
  for (const std::string& target : {"/v1/orders/" + order_of("ann"), std::string("/v1/sales/mug"),
                                    std::string("/v1/sales/mug/events")}) {
    CAPTURE(target);
    check_problem(shop.ask("GET", target), 503, "starting");
  }
  CHECK(shop.metrics.unavailable.value() == 2);
  CHECK(!shop.reader->progress().empty());
}

TEST_CASE("without a broker nothing is reserved, but repeats are answered") {
  Open open;
  Shop& shop = open.shop;
  const auto first = shop.order("ann");
  REQUIRE(first.status == 202);
  wait_read_back(shop);
  open.log.down();
  REQUIRE(eventually([&] { return !shop.log->reachable(); }));
  const auto reply = shop.order("bob");
  check_problem(reply, 503, "log-unavailable");
  CHECK(reply.header("Retry-After") == "1");
  CHECK(shop.available() == 9);
  CHECK(shop.order("ann").body == first.body);
  open.log.up();
  REQUIRE(eventually([&] { return shop.log->reachable(); }));
  CHECK(shop.order("bob").status == 202);
}

TEST_CASE("too many orders on their way") {
  Shop::Options options;
  options.producer.queue_messages_max = 3;
  Open open(std::move(options));
  Shop& shop = open.shop;
  open.log.delay_answers(60'000);
  std::vector<MemoryStream*> waiting;
  // What the start sent may be in the queue still.
  REQUIRE(eventually([&] {
    auto& client = shop.send("POST", "/v1/sales/mug/orders",
                             fmt::format("X-User-Id: user-{}\r\n", waiting.size()), "");
    if (!shop.receive(client)) waiting.push_back(&client);
    return waiting.size() == 3;
  }));
  CHECK(shop.available() == 7);
  const auto refused = shop.metrics.overloaded.value();
  const auto reply = shop.order("one-too-many");
  check_problem(reply, 503, "overloaded");
  CHECK(reply.header("Retry-After") == "1");
  CHECK(shop.available() == 7);
  CHECK(!shop.sale().look_up("one-too-many", *ledger::pack_order_id(order_of("one-too-many")), 1));
  CHECK(!shop.sale().may_have_ordered("one-too-many"));  // no unit was taken to be given back
  CHECK(shop.metrics.overloaded.value() == refused + 1);
  shop.in_flight.stop_waiting();
  for (auto* client : waiting) CHECK(shop.await(*client).says(R"("state":"pending")"));
}

TEST_CASE("a slow log: pending, still held, the same for repeats, queued in the end") {
  Shop::Options options;
  options.answer_within = Millis(100);
  Open open(std::move(options));
  Shop& shop = open.shop;
  // Each try fails on the broker's side, so that nothing is on the log.
  for (int i = 0; i < 1'000; ++i) {
    open.log.fail_next(client::kProduceRequest, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
  }
  const auto first = shop.order("ann");
  CHECK(first.status == 202);
  CHECK(first.says(R"("state":"pending")"));
  CHECK(first.header("Location") == "/v1/orders/" + order_of("ann"));
  const auto repeat = shop.order("ann");  // waits as long, not for the send's timeout
  CHECK(repeat.body == first.body);
  CHECK(repeat.header("Idempotency-Replayed") == "true");
  const auto status = shop.ask("GET", "/v1/orders/" + order_of("ann"));
  CHECK(status.status == 200);
  CHECK(status.says(R"("state":"pending")"));
  CHECK(status.header("ETag") == "\"pending\"");
  CHECK(shop.available() == 9);
  open.log.heal(client::kProduceRequest);
  wait_read_back(shop);
  CHECK(shop.order("ann").says(R"("state":"queued")"));
  CHECK(shop.available() == 9);
  CHECK(shop.metrics.pending.value() == 1);
}

TEST_CASE("an order in doubt is held, then settled by a new epoch") {
  Shop::Options options;
  options.producer.message_timeout = Millis(1'000);
  options.producer.request_timeout = Millis(1'000);
  Open open(std::move(options));
  Shop& shop = open.shop;
  // The broker says that it timed out, which may or may not mean that the record is there.
  for (int i = 0; i < 1'000; ++i) {
    open.log.fail_next(client::kProduceRequest, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
  }
  const auto reply = shop.order("ann");
  CHECK(reply.status == 202);
  CHECK(reply.says(R"("state":"pending")"));
  CHECK(shop.in_flight.doubtful() == 1);
  CHECK(shop.available() == 9);
  CHECK(shop.ask("GET", "/v1/orders/" + order_of("ann")).says(R"("state":"pending")"));
  open.log.heal(client::kProduceRequest);
  wait_read_back(shop);
  CHECK(shop.available() == 10);
  check_problem(shop.ask("GET", "/v1/orders/" + order_of("ann")), 404, "no-such-order");
  CHECK(shop.order("ann").says(R"("state":"queued")"));  // under the new epoch
  wait_read_back(shop);
  CHECK(shop.available() == 9);
  CHECK(shop.ask("GET", "/v1/orders/" + order_of("ann")).says(R"("state":"queued")"));
}

TEST_CASE("a send that certainly failed gives the unit back before it is told") {
  Open open;
  Shop& shop = open.shop;
  open.log.fail_next(client::kProduceRequest, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  check_problem(shop.order("ann"), 503, "log-unavailable");
  CHECK(shop.available() == 10);
  CHECK(shop.order("ann").status == 202);
}

TEST_CASE("a second click while the first is under way gets the same answer") {
  Open open;
  Shop& shop = open.shop;
  open.log.delay_answers(300);
  auto& first = shop.send("POST", "/v1/sales/mug/orders", "X-User-Id: ann\r\n", "");
  auto& second = shop.send("POST", "/v1/sales/mug/orders", "X-User-Id: ann\r\n", "");
  const auto one = shop.await(first);
  const auto two = shop.await(second);
  CHECK(one.status == 202);
  CHECK(two.body == one.body);
  CHECK(one.header("Idempotency-Replayed") == "");
  CHECK(two.header("Idempotency-Replayed") == "true");
  CHECK(shop.available() == 9);
}

TEST_CASE("a client that goes away has its order") {
  Open open;
  Shop& shop = open.shop;
  shop.send("POST", "/v1/sales/mug/orders", "X-User-Id: ann\r\n", "").close();
  CHECK(eventually([&] { return shop.reader->find_order(order_of("ann")).has_value(); }));
  CHECK(shop.order("ann").header("Idempotency-Replayed") == "true");
}

TEST_CASE("the status of an order, with its tag") {
  Open open;
  Shop& shop = open.shop;
  const auto target = "/v1/orders/" + order_of("ann");
  check_problem(shop.ask("GET", target), 404, "no-such-order");
  check_problem(shop.ask("GET", "/v1/orders/nonsense"), 404, "no-such-order");
  REQUIRE(shop.order("ann").status == 202);
  const auto queued = shop.ask("GET", target);
  CHECK(queued.status == 200);
  CHECK(queued.header("Cache-Control") == "private, no-cache");
  CHECK(queued.header("ETag") == "\"queued\"");
  CHECK(queued.body == fmt::format(R"({{"order_id":"{}","sale":"mug","user":"ann","quantity":1,)"
                                   R"("unit_price":9900,"currency":"CNY","state":"queued",)"
                                   R"("reserved_at":"2023-11-14T22:13:20.000Z",)"
                                   R"("expires_at":"2023-11-14T22:28:20.000Z"}})"
                                   "\n",
                                   order_of("ann")));
  wait_read_back(shop);
  CHECK(shop.ask("GET", target).body == queued.body);
  for (const char* tags : {"\"queued\"", "W/\"queued\"", "\"a\", \"queued\"", "*"}) {
    CAPTURE(tags);
    const auto same = shop.ask("GET", target, fmt::format("If-None-Match: {}\r\n", tags));
    CHECK(same.status == 304);
    CHECK(same.body.empty());
    CHECK(same.header("ETag") == "\"queued\"");
  }
  for (const char* tags : {"\"placed\"", "queued", "", ",", "\"queued", "\"pending\",\"paid\""}) {
    CAPTURE(tags);
    CHECK(shop.ask("GET", target, fmt::format("If-None-Match: {}\r\n", tags)).status == 200);
  }
  Stranger worker(open.log);
  worker.write(ledger::Placed{.order = order_of("ann"), .sale = "mug"});
  REQUIRE(eventually([&] {
    return shop.ask("GET", target, "If-None-Match: \"queued\"\r\n").says(R"("state":"placed")");
  }));
  CHECK(shop.ask("GET", target, "If-None-Match: \"placed\"\r\n").status == 304);
  CHECK(shop.order("ann").says(R"("state":"placed")"));
}

TEST_CASE("a rejected order tells why, and its units are free") {
  Open open;
  Shop& shop = open.shop;
  REQUIRE(shop.order("ann").status == 202);
  Stranger(open.log).write(
      ledger::Rejected{.order = order_of("ann"), .sale = "mug", .why = "no \"such\" address"});
  const auto target = "/v1/orders/" + order_of("ann");
  REQUIRE(eventually([&] { return shop.available() == 10; }));
  const auto reply = shop.ask("GET", target);
  CHECK(reply.says(R"("state":"rejected")"));
  CHECK(reply.says(R"("reason":"no \"such\" address")"));
  const auto tag = reply.header("ETag");
  CHECK(tag.starts_with("\"rejected-"));
  CHECK(shop.ask("GET", target, "If-None-Match: " + tag + "\r\n").status == 304);
}

TEST_CASE("sales and the time") {
  auto sale = mug();
  sale.starts_at = 1'700'000'000'000;
  sale.ends_at = 1'700'000'100'000;
  sale.title = "A \"mug\"";
  auto later = mug();
  later.sale = "cup";
  later.starts_at = 1'800'000'000'000;
  Shop::Options options;
  options.sales = {sale, later};
  Open open(std::move(options));
  Shop& shop = open.shop;
  const auto one = shop.ask("GET", "/v1/sales/mug");
  CHECK(one.status == 200);
  CHECK(one.header("Cache-Control") == "public, max-age=1, stale-while-revalidate=5");
  CHECK(one.body ==
        R"({"id":"mug","title":"A \"mug\"","state":"open","available":10,"sold_out":false,)"
        R"("per_user_limit":2,"unit_price":9900,"currency":"CNY",)"
        R"("starts_at":"2023-11-14T22:13:20.000Z","ends_at":"2023-11-14T22:15:00.000Z",)"
        R"("server_time":"2023-11-14T22:13:20.000Z"})"
        "\n");
  const auto all = shop.ask("GET", "/v1/sales");
  CHECK(all.status == 200);
  CHECK(all.body.starts_with(R"({"sales":[{"id":")"));
  CHECK(all.says(R"("id":"mug")"));
  CHECK(all.says(R"("id":"cup")"));
  CHECK(all.says(R"("state":"scheduled")"));
  const auto head = shop.ask("HEAD", "/v1/sales/mug");
  CHECK(head.status == 200);
  CHECK(head.body.empty());
  const auto time = shop.ask("GET", "/v1/time");
  CHECK(time.body == "{\"unix_ms\":1700000000000,\"time\":\"2023-11-14T22:13:20.000Z\"}\n");
  CHECK(time.header("Cache-Control") == "no-store");
}

TEST_CASE("no sales yet") {
  Shop::Options options;
  options.sales.clear();
  Open open(std::move(options));
  CHECK(open.shop.ask("GET", "/v1/sales").body == "{\"sales\":[]}\n");
}

}  // namespace sluice::frontend
