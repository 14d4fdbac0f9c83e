// A frontend that starts from snapshots of the log, and logs that do not go on from them.

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>

#include "frontend/ledger_reader.h"
#include "shared/base/file.h"
#include "shared/ledger/codec.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/client/deliveries.h"
#include "tests/unit/frontend/open_shop.h"

namespace sluice::frontend {

using client::eventually;

namespace {

constexpr std::int64_t kEpochAndSale = 2;

// Processes that come and go, with snapshots as often as can be.
struct Restarts {
  tests::TempDir folder;

  Shop::Options options() const {
    Shop::Options options;
    options.snapshots = {.folder = folder.path(), .every_records = 1};
    return options;
  }

  // Of the sale's partition.
  std::string file() const {
    return fmt::format("{}/seckill.orders-{}-of-{}.fold", folder.path(), home_of("mug"),
                       kShopPartitions);
  }

  bool has_kept(std::int64_t next_offset) const {
    const auto bytes = read_file(file(), 1 << 20);
    const auto log = bytes ? ledger::decode_snapshot(*bytes) : std::unexpected(bytes.error());
    return log && log->fold.next_offset() == next_offset;
  }

  // A process that takes an order of each user, and leaves when they and what else is in the
  // partition are kept.
  void sell(ShopLog& log, std::initializer_list<const char*> users, std::int64_t more = 0) const {
    Shop shop(log, options());
    shop.start_and_wait();
    for (const char* user : users) CHECK(shop.order(user).status == 202);
    wait_read_back(shop);
    const auto end = kEpochAndSale + static_cast<std::int64_t>(users.size()) + more;
    REQUIRE(eventually([&] { return has_kept(end); }));
  }
};

// A process that keeps no snapshots takes an order of each user.
void sell_without(ShopLog& log, std::initializer_list<const char*> users) {
  Shop shop(log);
  shop.start_and_wait();
  for (const char* user : users) CHECK(shop.order(user).status == 202);
  wait_read_back(shop);
}

// Stock and orders are those of the log.
void check_sold(Shop& shop, std::initializer_list<const char*> users) {
  CHECK(shop.available() == 10 - static_cast<std::int64_t>(users.size()));
  for (const char* user : users) {
    CAPTURE(user);
    const auto again = shop.order(user);
    CHECK(again.status == 202);
    CHECK(again.header("Idempotency-Replayed") == "true");
  }
  CHECK(!shop.ended());
}

}  // namespace

TEST_CASE("a start reads what follows its snapshots, and no more") {
  Restarts restarts;
  ShopLog log;
  restarts.sell(log, {"ann", "bob", "cid", "dan"});
  Stranger(log).write(reserve_of("eve", "slot:0", 1));
  Shop shop(log, restarts.options());
  shop.start_and_wait();
  check_sold(shop, {"ann", "bob", "cid", "dan", "eve"});
  // Of each partition the record that its snapshot ends with and the new epoch; and eve's.
  CHECK(shop.reader->records() == 2 * kShopPartitions + 1);
}

TEST_CASE("a log that is another one is read from its beginning") {
  Restarts restarts;
  {
    ShopLog other;
    restarts.sell(other, {"ann", "bob", "cid"});
  }
  ShopLog log;
  sell_without(log, {"dan", "eve", "fay", "gil", "hal"});
  Shop shop(log, restarts.options());
  shop.start_and_wait();
  check_sold(shop, {"dan", "eve", "fay", "gil", "hal"});
}

TEST_CASE("a log that ends before the snapshot is read from its beginning") {
  Restarts restarts;
  {
    ShopLog other;
    restarts.sell(other, {"ann", "bob", "cid"});
  }
  ShopLog log;
  sell_without(log, {"dan"});
  Shop shop(log, restarts.options());
  shop.start_and_wait();
  check_sold(shop, {"dan"});
}

TEST_CASE("a damaged snapshot costs a longer start and nothing else") {
  Restarts restarts;
  ShopLog log;
  restarts.sell(log, {"ann", "bob"});
  std::filesystem::resize_file(restarts.file(), 20);
  Shop shop(log, restarts.options());
  shop.start_and_wait();
  check_sold(shop, {"ann", "bob"});
}

TEST_CASE("a sale that lives in another partition is known from a snapshot as well") {
  Restarts restarts;
  ShopLog log;
  auto stray = mug();
  for (int i = 0; home_of(stray.sale) == home_of("mug"); ++i)
    stray.sale = "cup" + std::to_string(i);
  Stranger(log).write(stray, home_of("mug"));
  restarts.sell(log, {"ann"}, 1);
  auto options = restarts.options();
  options.sales.push_back(stray);
  Shop shop(log, std::move(options));
  shop.start();
  REQUIRE(eventually([&] { return shop.ended().has_value(); }));
  CHECK(shop.ended()->context.find("cup") != std::string::npos);
  CHECK(!shop.reader->ready());
}

}  // namespace sluice::frontend
