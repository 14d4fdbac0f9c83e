// The reader against a log to which anybody may write. A fresh log is taken over with epoch 1.

#include "frontend/ledger_reader.h"

#include <doctest/doctest.h>

#include <limits>

#include "tests/unit/client/deliveries.h"
#include "tests/unit/frontend/open_shop.h"

namespace sluice::frontend {

using client::eventually;

namespace {

// Until the reader has folded everything that was written before: a last order says so.
void catch_up(Shop& shop, Stranger& stranger) {
  static int count = 0;
  const auto marker = reserve_of("marker", "marker-" + std::to_string(++count), 1'000'000);
  stranger.write(marker);  // void, for its epoch
  REQUIRE(eventually([&] { return shop.reader->find_order(marker.order).has_value(); }));
}

}  // namespace

TEST_CASE("an empty log gets the configured sales, and a restart finds them and the orders") {
  ShopLog log;
  {
    Shop shop(log);
    shop.start_and_wait();
    CHECK(shop.available() == 10);
    CHECK(shop.sale().definition().title == "A mug");
    CHECK(shop.order("ann").status == 202);
    CHECK(shop.order("bob", "", R"({"quantity":2})").status == 202);
    CHECK(shop.available() == 7);
    CHECK(!shop.ended());
  }
  Shop::Options changed;
  changed.sales[0].stock = 500;  // what the log says wins
  Shop shop(log, std::move(changed));
  shop.start_and_wait();
  CHECK(shop.available() == 7);
  const auto again = shop.order("ann");
  CHECK(again.status == 202);
  CHECK(again.header("Idempotency-Replayed") == "true");
  CHECK(again.says(order_of("ann")));
  CHECK(shop.order("bob", "Idempotency-Key: other\r\n").status == 409);
  CHECK(shop.available() == 7);
}

TEST_CASE("what is no event is stepped over") {
  ShopLog log;
  Shop shop(log);
  Stranger stranger(log);
  stranger.write(std::nullopt, home_of("mug"));
  stranger.write("not json", home_of("mug"));
  shop.start_and_wait();
  stranger.write(std::nullopt, home_of("mug"));
  stranger.write("{}", home_of("mug"));
  stranger.write("[1,2", home_of("mug"));
  stranger.write(R"({"type":"new-thing","x":1})", home_of("mug"));
  stranger.write(std::string(100'000, 'x'), home_of("mug"));
  catch_up(shop, stranger);
  CHECK(shop.order("ann").status == 202);
  CHECK(!shop.ended());
}

TEST_CASE("a valid reserve that another program wrote takes its units") {
  ShopLog log;
  Shop shop(log);
  Stranger stranger(log);
  shop.start_and_wait();
  stranger.write(reserve_of("eve", "k", 1, 2));
  catch_up(shop, stranger);
  CHECK(shop.available() == 8);
  SUBCASE("and counts for its user's limit, and repeats find it") {
    CHECK(shop.order("eve").status == 409);
    const auto again = shop.order("eve", "Idempotency-Key: k\r\n", R"({"quantity":2})");
    CHECK(again.status == 202);
    CHECK(again.header("Idempotency-Replayed") == "true");
  }
  SUBCASE("which are free again when it ends") {
    stranger.write(ledger::Expired{.order = order_of("eve", "k"), .sale = "mug"});
    stranger.write(ledger::Expired{.order = order_of("eve", "k"), .sale = "mug"});
    catch_up(shop, stranger);
    CHECK(shop.available() == 10);
  }
  SUBCASE("and a restart counts the same") {
    shop.reader.reset();
    Shop next(log);
    next.start_and_wait();
    CHECK(next.available() == 8);
  }
  CHECK(!shop.ended());
}

TEST_CASE("outcomes of orders that nobody knows change nothing") {
  ShopLog log;
  Shop shop(log);
  Stranger stranger(log);
  shop.start_and_wait();
  const std::string order = order_of("eve");
  stranger.write(ledger::Expired{.order = order, .sale = "mug"});
  stranger.write(ledger::Cancelled{.order = order, .sale = "mug"});
  stranger.write(ledger::Rejected{.order = order, .sale = "mug", .why = "because"});
  stranger.write(ledger::Paid{.order = order, .sale = "mug"});
  stranger.write(ledger::Placed{.order = order, .sale = "mug"});
  stranger.write(ledger::Expired{.order = order, .sale = "no-such-sale"});
  auto unknown = reserve_of("eve", "x", 1);
  unknown.sale = "no-such-sale";
  stranger.write(unknown, home_of("no-such-sale"));
  stranger.write(ledger::Rejected{.order = unknown.order, .sale = unknown.sale, .why = "none"});
  catch_up(shop, stranger);
  CHECK(shop.available() == 10);
  CHECK(!shop.ended());
}

TEST_CASE("an order whose id another program used up for another user holds nothing") {
  ShopLog log;
  Shop shop(log);
  Stranger stranger(log);
  shop.start_and_wait();
  auto theft = reserve_of("ann", "slot:0", 1);
  theft.user = "eve";
  SUBCASE("validly") {
    stranger.write(theft);
    catch_up(shop, stranger);
    CHECK(shop.available() == 9);
    shop.order("ann");  // on the log it is a repeat, which only reading tells
    CHECK(eventually([&] { return shop.in_flight.size() == 0 && shop.available() == 9; }));
    stranger.write(ledger::Expired{.order = theft.order, .sale = "mug"});
    catch_up(shop, stranger);
  }
  SUBCASE("under an epoch that is void") {
    theft.epoch = 7;
    stranger.write(theft);
    catch_up(shop, stranger);
    shop.order("ann");
    CHECK(eventually([&] { return shop.in_flight.size() == 0; }));
  }
  CHECK(eventually([&] { return shop.available() == 10; }));
  CHECK(shop.order("ann", "Idempotency-Key: another\r\n").status == 202);
  CHECK(!shop.ended());
}

TEST_CASE("an order that is void on the log holds nothing, and a repeat is told") {
  ShopLog log;
  Shop shop(log);
  Stranger stranger(log);
  shop.start_and_wait();
  stranger.write(reserve_of("ann", "slot:0", 7));
  catch_up(shop, stranger);
  const auto reply = shop.order("ann");
  CHECK(reply.status == 202);
  CHECK(reply.says(R"("state":"rejected")"));
  CHECK(shop.available() == 10);
}

TEST_CASE("a release by the worker frees the units, once") {
  ShopLog log;
  Shop shop(log);
  Stranger stranger(log);
  shop.start_and_wait();
  REQUIRE(shop.order("ann", "", R"({"quantity":2})").status == 202);
  CHECK(shop.available() == 8);
  for (int i = 0; i < 3; ++i) {
    stranger.write(ledger::Expired{.order = order_of("ann"), .sale = "mug"});
  }
  stranger.write(ledger::Cancelled{.order = order_of("ann"), .sale = "mug"});
  catch_up(shop, stranger);
  CHECK(shop.available() == 10);
  CHECK(shop.ask("GET", "/v1/orders/" + order_of("ann")).says(R"("state":"expired")"));
}

TEST_CASE("a restock and a pause are followed") {
  ShopLog log;
  Shop shop(log);
  Stranger stranger(log);
  shop.start_and_wait();
  auto sale = mug();
  sale.stock = 5;
  sale.grant_id = "second";
  stranger.write(sale);
  stranger.write(sale);  // a grant counts once
  catch_up(shop, stranger);
  CHECK(shop.available() == 15);
  sale.paused = true;
  stranger.write(sale);
  catch_up(shop, stranger);
  CHECK(shop.order("ann").says("sale-paused"));
  auto other = mug();
  other.sale = "cup";
  stranger.write(other);
  REQUIRE(eventually([&] { return shop.stock.find("cup") != nullptr; }));
  CHECK(shop.available("cup") == 10);
}

TEST_CASE("records in a partition where their sale does not live count for nothing") {
  ShopLog log;
  Stranger stranger(log);
  const std::int32_t wrong = (home_of("mug") + 1) % kShopPartitions;
  auto sale = mug();
  sale.stock = 1'000;
  {
    Shop shop(log);
    shop.start_and_wait();
    stranger.write(sale, wrong);
    auto foreign = reserve_of("eve", "k", 1);
    stranger.write(foreign, wrong);
    stranger.write(ledger::Expired{.order = foreign.order, .sale = "mug"}, wrong);
    auto elsewhere = sale;
    elsewhere.sale = "cup";
    stranger.write(elsewhere, (home_of("cup") + 1) % kShopPartitions);
    // Records behind them are read in order, so a good one there says that they were read.
    auto last = sale;
    for (int i = 0; home_of(last.sale) != wrong; ++i) last.sale = "last" + std::to_string(i);
    stranger.write(last);
    REQUIRE(eventually([&] { return shop.stock.find(last.sale) != nullptr; }));
    CHECK(shop.available() == 10);
    CHECK(!shop.reader->find_order(foreign.order));
    CHECK(!shop.ended());
  }
  Shop shop(log);
  shop.start_and_wait();
  CHECK(shop.available() == 10);
  CHECK(shop.stock.find("cup") == nullptr);
}

TEST_CASE("a configured sale that lives in another partition is not sold anew") {
  ShopLog log;
  Stranger stranger(log);
  stranger.write(mug(), (home_of("mug") + 1) % kShopPartitions);
  Shop shop(log);
  shop.start();
  REQUIRE(eventually([&] { return shop.ended().has_value(); }));
  CHECK(shop.ended()->context.find("mug") != std::string::npos);
  CHECK(shop.ended()->context.find("partition") != std::string::npos);
  CHECK(!shop.reader->ready());
}

TEST_CASE("an epoch that is not newer changes nothing") {
  ShopLog log;
  Shop shop(log);
  Stranger stranger(log);
  shop.start_and_wait();
  stranger.write(ledger::Epoch{.epoch = 1, .writer = "zombie"}, home_of("mug"));
  stranger.write(ledger::Epoch{.epoch = 1, .writer = shop.log->writer()}, home_of("mug"));
  catch_up(shop, stranger);
  CHECK(!shop.ended());
  CHECK(shop.order("ann").status == 202);
}

TEST_CASE("a newer epoch of another writer ends this frontend") {
  ShopLog log;
  Shop shop(log);
  Stranger stranger(log);
  shop.start_and_wait();
  SUBCASE("of another frontend") {
    stranger.write(ledger::Epoch{.epoch = 2, .writer = "other"}, 0);
  }
  SUBCASE("or of somebody who uses this one's name") {
    stranger.write(ledger::Epoch{.epoch = 9, .writer = shop.log->writer()}, 0);
  }
  REQUIRE(eventually([&] { return shop.ended().has_value(); }));
  CHECK(shop.ended()->code == Code::fenced);
  CHECK(!shop.reader->ready());
  CHECK(shop.order("ann").status == 503);
}

TEST_CASE("an epoch that cannot be outbid is told") {
  ShopLog log;
  Stranger stranger(log);
  stranger.write(ledger::Epoch{.epoch = std::numeric_limits<std::int64_t>::max(), .writer = "eve"},
                 2);
  Shop shop(log);
  shop.start();
  REQUIRE(eventually([&] { return shop.ended().has_value(); }));
  CHECK(shop.ended()->context.find("epoch") != std::string::npos);
}

TEST_CASE("two frontends: the newer one owns the log") {
  ShopLog log;
  Shop first(log);
  first.start_and_wait();
  REQUIRE(first.order("ann").status == 202);
  Shop second(log);
  second.start_and_wait();
  REQUIRE(eventually([&] { return first.ended().has_value(); }));
  CHECK(first.ended()->code == Code::fenced);
  CHECK(second.available() == 9);
  CHECK(second.order("ann").header("Idempotency-Replayed") == "true");
  CHECK(second.order("bob").status == 202);
}

TEST_CASE("the reader may go before the log while records of its own are outstanding") {
  ShopLog log;
  Shop shop(log);
  // The epochs are tried again and again and stay outstanding.
  for (int i = 0; i < 1'000; ++i) {
    log.fail_next(client::kProduceRequest, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
  }
  shop.start();
  REQUIRE(eventually([&] { return shop.log->outstanding() == kShopPartitions; }));
  shop.reader.reset();
  CHECK(shop.log->outstanding() == kShopPartitions);
  shop.log.reset();
}

}  // namespace sluice::frontend
