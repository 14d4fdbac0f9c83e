// Waiting for what becomes of an order, and a user's list of them.

#include <doctest/doctest.h>

#include <fmt/format.h>

#include "tests/unit/client/deliveries.h"
#include "tests/unit/frontend/open_shop.h"

namespace sluice::frontend {

using client::eventually;

namespace {

// Whose orders lie a millisecond apart.
struct Ordering : Open {
  void order(std::string_view user, std::string_view key) {
    REQUIRE(shop.order(user, fmt::format("Idempotency-Key: {}\r\n", key)).status == 202);
    wait_read_back(shop);
    shop.clock.set_wall(shop.clock.wall().unix_millis + 1);
  }
};

std::string list_of(const std::vector<std::string>& ids) {
  std::string text;
  for (const auto& id : ids) text += id + " ";
  return text;
}

// The ids of a list, in its order.
std::string ids_in(const Reply& reply) {
  std::string text;
  std::string_view rest = reply.body;
  constexpr std::string_view kName = R"({"order_id":")";
  for (auto at = rest.find(kName); at != rest.npos; at = rest.find(kName)) {
    rest.remove_prefix(at + kName.size());
    text += std::string(rest.substr(0, ledger::kOrderIdChars)) + " ";
  }
  return text;
}

}  // namespace

TEST_CASE("a request waits until its order is placed") {
  Ordering open;
  Shop& shop = open.shop;
  open.order("ann", "k");
  const std::string id = order_of("ann", "k");
  auto& client = shop.send("GET", "/v1/orders/" + id, "Prefer: wait=25\r\n", "");
  CHECK(client.drain().empty());
  Stranger(open.log).write(ledger::Placed{.order = id, .sale = "mug"});
  const auto reply = shop.await(client);
  CHECK(reply.status == 200);
  CHECK(reply.says(R"("state":"placed")"));
  CHECK(reply.header("Preference-Applied") == "wait");
  // What is there already is not waited for.
  const auto now = shop.ask("GET", "/v1/orders/" + id, "Prefer: wait=25\r\n");
  CHECK(now.says(R"("state":"placed")"));
}

TEST_CASE("a request that knows the state waits for another one") {
  Ordering open;
  Shop& shop = open.shop;
  open.order("ann", "k");
  const std::string id = order_of("ann", "k");
  Stranger worker(open.log);
  worker.write(ledger::Placed{.order = id, .sale = "mug"});
  REQUIRE(eventually([&] { return shop.ask("GET", "/v1/orders/" + id).says("placed"); }));
  auto& client =
      shop.send("GET", "/v1/orders/" + id, "Prefer: wait=25\r\nIf-None-Match: \"placed\"\r\n", "");
  CHECK(client.drain().empty());
  worker.write(ledger::Expired{.order = id, .sale = "mug"});
  CHECK(shop.await(client).says(R"("state":"expired")"));
}

TEST_CASE("no news in time, and a stop") {
  Ordering open;
  Shop& shop = open.shop;
  open.order("ann", "k");
  const std::string target = "/v1/orders/" + order_of("ann", "k");
  const auto nothing = shop.ask("GET", target, "Prefer: wait=0\r\nIf-None-Match: \"queued\"\r\n");
  CHECK(nothing.status == 304);
  CHECK(nothing.header("Preference-Applied") == "wait");
  auto& client = shop.send("GET", target, "Prefer: wait=25\r\n", "");
  CHECK(client.drain().empty());
  shop.board.stop();
  CHECK(shop.await(client).says(R"("state":"queued")"));
}

TEST_CASE("an order that is not there is not waited for") {
  Ordering open;
  CHECK(open.shop.ask("GET", "/v1/orders/" + order_of("bob"), "Prefer: wait=25\r\n").status == 404);
}

TEST_CASE("a user's orders, the newest first, page by page") {
  Ordering open;
  Shop& shop = open.shop;
  open.order("ann", "a");
  open.order("bob", "b");
  open.order("ann", "c");
  const std::string first = order_of("ann", "a");
  const std::string second = order_of("ann", "c");
  const auto ann = [&](std::string_view query) {
    return shop.ask("GET", fmt::format("/v1/orders{}", query), "X-User-Id: ann\r\n");
  };
  const auto all = ann("");
  CHECK(all.status == 200);
  CHECK(all.header("Cache-Control") == "private, no-store");
  CHECK(ids_in(all) == list_of({second, first}));
  CHECK(!all.says("next"));
  CHECK(!all.says("bob"));
  const auto page = ann("?limit=1");
  CHECK(ids_in(page) == list_of({second}));
  CHECK(page.says(fmt::format(R"("next":"{}")", second)));
  const auto rest = ann("?limit=1&after=" + second);
  CHECK(ids_in(rest) == list_of({first}));
  CHECK(!rest.says("next"));
  CHECK(ids_in(ann("?sale=mug")) == list_of({second, first}));
  CHECK(shop.ask("GET", "/v1/orders", "X-User-Id: cid\r\n").body == "{\"orders\":[]}\n");
  // What has ended is among them.
  REQUIRE(shop.ask("DELETE", "/v1/orders/" + first, "X-User-Id: ann\r\n").status == 200);
  CHECK(ann("").says("cancelled"));
  CHECK(shop.ask("GET", "/v1/orders").status == 401);
  for (const char* query : {"?limit=0", "?limit=201", "?limit=x"}) {
    CAPTURE(query);
    CHECK(ann(query).status == 400);
  }
  CHECK(ann("?sale=cup").status == 404);
  check_problem(ann("?after=nothing"), 404, "no-such-order");
}

}  // namespace sluice::frontend
