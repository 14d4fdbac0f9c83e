// Server-sent events: of an order, and of a sale's stock.

#include <doctest/doctest.h>

#include <fmt/format.h>

#include "tests/unit/client/deliveries.h"
#include "tests/unit/frontend/open_shop.h"

namespace sluice::frontend {

using client::eventually;

namespace {

// What one client has received so far.
struct Listener {
  Shop& shop;
  MemoryStream& client;
  std::string text;

  Listener(Shop& from, std::string_view target, std::string_view headers = "")
      : shop(from), client(from.send("GET", target, headers, "")) {}
  ~Listener() { client.close(); }

  bool hears(std::string_view part) {
    return eventually([&] {
      shop.turn();
      text += client.drain();
      return text.find(part) != std::string::npos;
    });
  }
  int count(std::string_view part) {
    text += client.drain();
    int found = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
    return found;
  }
};

}  // namespace

TEST_CASE("an order's events: each state with its place on the log") {
  Open open;
  Shop& shop = open.shop;
  REQUIRE(shop.order("ann").status == 202);
  wait_read_back(shop);
  const std::string id = order_of("ann");
  const std::string target = "/v1/orders/" + id + "/events";
  Listener ann(shop, target);
  REQUIRE(ann.hears(R"("state":"queued")"));
  CHECK(ann.text.find("Content-Type: text/event-stream\r\n") != std::string::npos);
  CHECK(ann.text.find("Content-Length") == std::string::npos);
  const auto position = shop.reader->find_order(id)->position;
  CHECK(ann.text.find(fmt::format("\nid: {}\nevent: order\ndata: {{", position)) !=
        std::string::npos);
  Stranger worker(open.log);
  worker.write(ledger::Placed{.order = id, .sale = "mug"});
  CHECK(ann.hears(R"("state":"placed")"));
  worker.write(ledger::Paid{.order = id, .sale = "mug"});
  CHECK(ann.hears(R"("state":"paid")"));
  CHECK(ann.count("event: order") == 3);
  SUBCASE("who comes back with the last id hears what is new only") {
    const auto last = shop.reader->find_order(id)->position;
    Listener same(shop, target, fmt::format("Last-Event-ID: {}\r\n", last));
    Listener older(shop, target, fmt::format("Last-Event-ID: {}\r\n", last - 1));
    CHECK(older.hears(R"("state":"paid")"));
    CHECK(same.count("event: order") == 0);
  }
  SUBCASE("a stop ends them") {
    shop.board.stop();
    CHECK(eventually([&] {
      shop.turn();
      ann.client.drain();
      return ann.client.ended();
    }));
  }
}

TEST_CASE("whoever has gone is not kept") {
  Open open;
  Shop& shop = open.shop;
  REQUIRE(shop.order("ann").status == 202);
  {
    Listener ann(shop, "/v1/orders/" + order_of("ann") + "/events");
    REQUIRE(ann.hears("event: order"));
    CHECK(shop.board.watching() == 1);
  }
  CHECK(eventually([&] {
    shop.turn();
    return shop.board.watching() == 0;
  }));
}

TEST_CASE("events of what is not there") {
  Open open;
  CHECK(open.shop.ask("GET", "/v1/orders/" + order_of("bob") + "/events").status == 404);
  CHECK(open.shop.ask("GET", "/v1/sales/cup/events").status == 404);
}

TEST_CASE("live stock: few events however much is sold, and the last one is right") {
  Open open;
  Shop& shop = open.shop;
  Listener ann(shop, "/v1/sales/mug/events");
  Listener bob(shop, "/v1/sales/mug/events");
  REQUIRE(ann.hears(
      R"(data: {"id":"mug","title":"A mug","state":"open","available":10,"sold_out":false,)"));
  for (int i = 0; i < 10; ++i) {
    REQUIRE(shop.sale().reserve(fmt::format("user-{}", i),
                                *ledger::pack_order_id(order_of(fmt::format("user-{}", i))),
                                1) == SaleStock::Result::reserved);
  }
  CHECK(ann.hears(R"("state":"sold_out","available":0,"sold_out":true)"));
  CHECK(bob.hears(R"("state":"sold_out","available":0,"sold_out":true)"));
  CHECK(ann.count("event: stock") <= 3);  // ten sales within two ticks
}

TEST_CASE("a sale that becomes another is told as a whole") {
  Open open;
  Shop& shop = open.shop;
  Listener ann(shop, "/v1/sales/mug/events");
  REQUIRE(ann.hears(R"("unit_price":9900,"currency":"CNY"})"));
  ledger::Sale changed = shop.sale().definition();
  changed.unit_price = 8800;
  changed.title = "Two\nlines";  // an event has no line ends
  changed.starts_at = 1'800'000'000'000;
  shop.sale().redefine(changed);
  const bool told = ann.hears(
      "event: stock\ndata: "
      R"({"id":"mug","title":"Two\u000alines","state":"scheduled",)"
      R"("available":10,"sold_out":false,"per_user_limit":2,"unit_price":8800,)"
      R"("currency":"CNY","starts_at":"2027-01-15T08:00:00.000Z"})"
      "\n\n");
  CAPTURE(ann.text);
  CHECK(told);
}

}  // namespace sluice::frontend
