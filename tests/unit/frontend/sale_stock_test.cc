#include "frontend/sale_stock.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "shared/base/random.h"

namespace sluice::frontend {

namespace {

using Result = SaleStock::Result;

ledger::PackedOrderId id_of(std::string_view user, std::string_view key) {
  return *ledger::pack_order_id(ledger::order_id("s", user, key));
}

ledger::Sale sale(std::int64_t stock, std::int64_t limit) {
  return {.sale = "s", .title = "A sale", .stock = stock, .per_user_limit = limit};
}

}  // namespace

TEST_CASE("what a reserve yields, and which rule comes first") {
  struct Row {
    const char* what;
    std::int64_t stock;
    std::int64_t limit;
    std::int64_t held;  // by the user, under the key "held"; 0: none
    const char* key;
    std::int64_t quantity;
    Result result;
    std::int64_t left;
  };
  const Row rows[] = {
      {"the first", 10, 2, 0, "a", 1, Result::reserved, 9},
      {"up to the limit at once", 10, 2, 0, "a", 2, Result::reserved, 8},
      {"up to the limit in two", 10, 2, 1, "a", 1, Result::reserved, 8},
      {"over the limit at once", 10, 2, 0, "a", 3, Result::limit_reached, 10},
      {"over the limit in two", 10, 2, 1, "a", 2, Result::limit_reached, 9},
      {"the last unit", 1, 2, 0, "a", 1, Result::reserved, 0},
      {"more than there is", 1, 2, 0, "a", 2, Result::sold_out, 1},
      {"nothing left", 0, 2, 0, "a", 1, Result::sold_out, 0},
      {"a repeat", 10, 2, 1, "held", 1, Result::repeated, 9},
      {"another quantity", 10, 2, 1, "held", 2, Result::different, 9},
      {"a repeat before the limit", 10, 1, 1, "held", 1, Result::repeated, 9},
      {"a repeat before sold out", 1, 1, 1, "held", 1, Result::repeated, 0},
      {"different before the limit", 10, 1, 1, "held", 9, Result::different, 9},
      {"the limit before sold out", 1, 1, 1, "a", 1, Result::limit_reached, 0},
      {"the largest quantity", 10, 2, 1, "a", ledger::kMaxUnits, Result::limit_reached, 9},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    SaleStock stock(sale(row.stock, row.limit), row.stock);
    if (row.held > 0) {
      REQUIRE(stock.reserve("ann", id_of("ann", "held"), row.held) == Result::reserved);
    }
    CHECK(stock.reserve("ann", id_of("ann", row.key), row.quantity) == row.result);
    CHECK(stock.available() == row.left);
    CHECK(stock.sold_out() == (row.left == 0));
  }
}

TEST_CASE("undo gives back units, limit and id") {
  SaleStock stock(sale(1, 1), 1);
  const auto id = id_of("ann", "a");
  REQUIRE(stock.reserve("ann", id, 1) == Result::reserved);
  stock.undo("ann", id);
  CHECK(stock.available() == 1);
  ledger::PackedOrderId newest;
  CHECK(!stock.newest_order("ann", newest));
  CHECK(!stock.look_up("ann", id, 1));
  CHECK(stock.reserve("ann", id, 1) == Result::reserved);
  CHECK(stock.available() == 0);
}

TEST_CASE("undo of what holds nothing changes nothing") {
  SaleStock stock(sale(5, 5), 5);
  stock.undo("nobody", id_of("ann", "a"));
  REQUIRE(stock.reserve("ann", id_of("ann", "a"), 2) == Result::reserved);
  stock.undo("ann", id_of("ann", "b"));
  stock.follow("ann", id_of("ann", "a"), 2, false);  // the log was faster
  stock.undo("ann", id_of("ann", "a"));
  CHECK(stock.available() == 5);
  CHECK(stock.look_up("ann", id_of("ann", "a"), 2) == Result::repeated);
}

TEST_CASE("the log's word on an order") {
  const auto id = id_of("ann", "a");
  SaleStock stock(sale(10, 3), 10);
  SUBCASE("that was reserved here: nothing new, until it ends") {
    REQUIRE(stock.reserve("ann", id, 3) == Result::reserved);
    stock.follow("ann", id, 3, true);
    CHECK(stock.available() == 7);
    CHECK(stock.reserve("ann", id_of("ann", "b"), 1) == Result::limit_reached);
    stock.follow("ann", id, 3, false);
    stock.follow("ann", id, 3, false);
    CHECK(stock.available() == 10);
    CHECK(stock.reserve("ann", id, 3) == Result::repeated);  // its id stays known
    CHECK(stock.reserve("ann", id_of("ann", "b"), 3) == Result::reserved);
  }
  SUBCASE("that nobody knew: its units are taken, and count for the limit") {
    stock.follow("ann", id, 2, true);
    CHECK(stock.available() == 8);
    CHECK(stock.may_have_ordered("ann"));
    CHECK(stock.reserve("ann", id_of("ann", "b"), 2) == Result::limit_reached);
    CHECK(stock.reserve("ann", id, 2) == Result::repeated);
    ledger::PackedOrderId newest;
    REQUIRE(stock.newest_order("ann", newest));
    CHECK(newest == id);
  }
  SUBCASE("that holds nothing: it is only known") {
    stock.follow("ann", id, 2, false);
    CHECK(stock.available() == 10);
    CHECK(stock.reserve("ann", id, 2) == Result::repeated);
    CHECK(stock.reserve("ann", id_of("ann", "b"), 3) == Result::reserved);
  }
  SUBCASE("with another quantity: the log wins") {
    REQUIRE(stock.reserve("ann", id, 1) == Result::reserved);
    stock.follow("ann", id, 3, true);
    CHECK(stock.available() == 7);
    CHECK(stock.reserve("ann", id, 1) == Result::different);
  }
  SUBCASE("even beyond what is left") {
    stock.follow("eve", id_of("eve", "a"), 12, true);
    CHECK(stock.available() == -2);
    CHECK(stock.sold_out());
    CHECK(stock.reserve("ann", id, 1) == Result::sold_out);
    stock.grant(3);
    CHECK(stock.reserve("ann", id, 1) == Result::reserved);
  }
}

TEST_CASE("a grant reopens") {
  SaleStock stock(sale(0, 1), 0);
  CHECK(stock.sold_out());
  stock.grant(2);
  CHECK(!stock.sold_out());
  CHECK(stock.reserve("ann", id_of("ann", "a"), 1) == Result::reserved);
  CHECK(stock.available() == 1);
}

TEST_CASE("a new definition counts from now on") {
  SaleStock stock(sale(10, 1), 10);
  REQUIRE(stock.reserve("ann", id_of("ann", "a"), 1) == Result::reserved);
  auto more = sale(10, 3);
  more.title = "Another title";
  stock.redefine(more);
  CHECK(stock.definition() == more);
  CHECK(stock.available() == 9);  // the grant is add()'s business
  CHECK(stock.reserve("ann", id_of("ann", "b"), 2) == Result::reserved);
  stock.redefine(sale(10, 1));
  CHECK(stock.reserve("ann", id_of("ann", "c"), 1) == Result::limit_reached);
}

TEST_CASE("a stage by time, to the millisecond") {
  using Stage = ledger::SaleStage;
  struct Row {
    std::optional<std::int64_t> starts_at;
    std::optional<std::int64_t> ends_at;
    bool paused;
    bool closed;
    std::int64_t now;
    ledger::SaleStage stage;
  };
  constexpr auto kNone = std::nullopt;
  const Row rows[] = {
      {kNone, kNone, false, false, 0, Stage::open},
      {1000, kNone, false, false, 999, Stage::scheduled},
      {1000, kNone, false, false, 1000, Stage::open},
      {1000, 2000, false, false, 1999, Stage::open},
      {1000, 2000, false, false, 2000, Stage::closed},
      {kNone, 2000, false, false, 1999, Stage::open},
      {1000, 2000, true, false, 999, Stage::scheduled},
      {1000, 2000, true, false, 1000, Stage::paused},
      {1000, 2000, true, false, 2000, Stage::closed},
      {1000, 2000, false, true, 999, Stage::closed},
      {1000, 2000, true, true, 1500, Stage::closed},
      {kNone, kNone, false, false, std::numeric_limits<std::int64_t>::max() - 1, Stage::open},
  };
  for (const auto& row : rows) {
    auto definition = sale(1, 1);
    definition.starts_at = row.starts_at;
    definition.ends_at = row.ends_at;
    definition.paused = row.paused;
    definition.closed = row.closed;
    const SaleStock stock(definition, 1);
    CAPTURE(row.now);
    CHECK(name_of(stock.stage({row.now})) == name_of(row.stage));
  }
}

TEST_CASE("the filter knows every buyer, and few others") {
  constexpr int kBuyers = 20'000;
  SaleStock stock(sale(kBuyers, 1), kBuyers);
  const auto buyer = [](int i) { return fmt::format("buyer-{}", i); };
  for (int i = 0; i < kBuyers; ++i) {
    if (i % 2 == 0) {
      REQUIRE(stock.reserve(buyer(i), id_of(buyer(i), "k"), 1) == Result::reserved);
    } else {
      stock.follow(buyer(i), id_of(buyer(i), "k"), 1, true);
    }
  }
  int missed = 0;
  for (int i = 0; i < kBuyers; ++i) missed += stock.may_have_ordered(buyer(i)) ? 0 : 1;
  CHECK(missed == 0);
  int wrong = 0;
  for (int i = 0; i < kBuyers; ++i) wrong += stock.may_have_ordered(fmt::format("other-{}", i));
  CHECK(wrong < kBuyers / 40);  // one in seventy is expected
  CHECK(!SaleStock(sale(0, 1), 0).may_have_ordered("ann"));
}

TEST_CASE("the filter is as sharp after a restock as if all units had been there") {
  constexpr int kBuyers = 20'000;
  SaleStock stock(sale(0, 1), 0);
  for (int i = 0; i < 200; ++i) stock.grant(kBuyers / 200);
  const auto buyer = [](int i) { return fmt::format("buyer-{}", i); };
  for (int i = 0; i < kBuyers; ++i) {
    if (i == kBuyers / 2) stock.grant(kBuyers);
    REQUIRE(stock.reserve(buyer(i), id_of(buyer(i), "k"), 1) == Result::reserved);
  }
  int missed = 0;
  int wrong = 0;
  for (int i = 0; i < kBuyers; ++i) {
    missed += stock.may_have_ordered(buyer(i)) ? 0 : 1;
    wrong += stock.may_have_ordered(fmt::format("other-{}", i)) ? 1 : 0;
  }
  CHECK(missed == 0);
  CHECK(wrong < kBuyers / 40);
  CHECK(stock.available() == kBuyers);
}

TEST_CASE("a reserve is sent only if it is right under the announced definition, too") {
  using Stage = ledger::SaleStage;
  SaleStock stock(sale(1, 1), 1);
  auto next = sale(1, 1);
  next.ends_at = 1000;
  stock.announce(next);
  CHECK(stock.stage({1000}) == Stage::open);
  CHECK(stock.stage_to_send({999}) == Stage::open);
  CHECK(stock.stage_to_send({1000}) == Stage::closed);
  stock.withdraw();
  CHECK(stock.stage_to_send({1000}) == Stage::open);
  // What is announced opens nothing.
  auto paused = sale(1, 1);
  paused.paused = true;
  stock.redefine(paused);
  stock.announce(sale(1, 1));
  CHECK(stock.stage_to_send({0}) == Stage::paused);
}

TEST_CASE("many threads, one sale: exactly what there is, nobody over the limit") {
  constexpr int kThreads = 8;
  constexpr int kTries = 4'000;
  constexpr int kUsers = 700;
  constexpr std::int64_t kStock = 900;
  SaleStock stock(sale(kStock, 2), kStock);
  std::atomic<std::int64_t> reserved = 0;
  std::atomic<bool> below_zero = false;
  std::atomic<bool> forgotten = false;
  std::array<std::atomic<int>, kUsers> held{};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        SeededRandom random(static_cast<std::uint64_t>(t + 1));
        for (int i = 0; i < kTries; ++i) {
          const auto n = random.below(kUsers);
          const auto user = fmt::format("user-{}", n);
          const auto id = id_of(user, fmt::format("key-{}", random.below(3)));
          const auto result = stock.reserve(user, id, 1);
          if (stock.available() < 0) below_zero = true;
          if (result != Result::reserved) continue;
          if (!stock.may_have_ordered(user)) forgotten = true;
          if (random.below(4) == 0) {
            stock.undo(user, id);
            continue;
          }
          ++reserved;
          ++held[n];
        }
      });
    }
  }
  CHECK(!below_zero);
  CHECK(!forgotten);
  CHECK(reserved == kStock);
  CHECK(stock.available() == 0);
  CHECK(std::ranges::all_of(held, [](const auto& units) { return units.load() <= 2; }));
}

TEST_CASE("who takes the last unit is known to whoever sees the sale sold out") {
  for (int round = 0; round < 300; ++round) {
    SaleStock stock(sale(1, 1), 1);
    const auto user = fmt::format("user-{}", round);
    bool missed = false;
    {
      const std::jthread second([&] {
        for (int i = 0; i < 1'000'000 && !stock.sold_out(); ++i) {
        }
        missed = stock.sold_out() && !stock.may_have_ordered(user);
      });
      stock.reserve(user, id_of(user, "k"), 1);
    }
    REQUIRE(!missed);
  }
}

namespace {

// The same rules without shards, filters and atomics.
struct Model {
  struct Known {
    std::int64_t quantity;
    bool holds;
  };
  std::int64_t available;
  std::int64_t limit;
  std::map<std::pair<int, int>, Known> orders;  // by user and key

  std::int64_t held(int user) const {
    std::int64_t sum = 0;
    for (const auto& [id, order] : orders) {
      if (id.first == user && order.holds) sum += order.quantity;
    }
    return sum;
  }
  Result reserve(int user, int key, std::int64_t quantity) {
    if (const auto known = orders.find({user, key}); known != orders.end()) {
      return known->second.quantity == quantity ? Result::repeated : Result::different;
    }
    if (held(user) + quantity > limit) return Result::limit_reached;
    if (available < quantity) return Result::sold_out;
    available -= quantity;
    orders[{user, key}] = {quantity, true};
    return Result::reserved;
  }
  void undo(int user, int key) {
    const auto known = orders.find({user, key});
    if (known == orders.end() || !known->second.holds) return;
    available += known->second.quantity;
    orders.erase(known);
  }
  void follow(int user, int key, std::int64_t quantity, bool holds) {
    auto& order = orders.try_emplace({user, key}, Known{0, false}).first->second;
    if (order.holds) available += order.quantity;
    if (holds) available -= quantity;
    order = {quantity, holds};
  }
};

}  // namespace

TEST_CASE("a million random steps agree with a naive model") {
  constexpr int kUsers = 6;
  constexpr int kKeys = 4;
  std::vector<std::vector<ledger::PackedOrderId>> ids(kUsers);
  std::vector<std::string> users;
  for (int u = 0; u < kUsers; ++u) {
    users.push_back(fmt::format("user-{}", u));
    for (int k = 0; k < kKeys; ++k) {
      ids[static_cast<std::size_t>(u)].push_back(id_of(users.back(), fmt::format("{}", k)));
    }
  }
  SeededRandom random(7);
  const auto draw = [&](int below) {
    return static_cast<int>(random.below(static_cast<std::uint64_t>(below)));
  };
  for (int history = 0; history < 20'000; ++history) {
    const std::int64_t units = draw(9);
    Model model{.available = units, .limit = 1 + draw(4), .orders = {}};
    SaleStock stock(sale(units, model.limit), units);
    for (int step = 0; step < 50; ++step) {
      const int user = draw(kUsers);
      const int key = draw(kKeys);
      const std::int64_t quantity = 1 + draw(3);
      const auto& name = users[static_cast<std::size_t>(user)];
      const auto& id = ids[static_cast<std::size_t>(user)][static_cast<std::size_t>(key)];
      switch (draw(8)) {
        default:
          REQUIRE(stock.reserve(name, id, quantity) == model.reserve(user, key, quantity));
          break;
        case 0:
          stock.undo(name, id);
          model.undo(user, key);
          break;
        case 1: {
          const bool holds = draw(2) == 0;
          stock.follow(name, id, quantity, holds);
          model.follow(user, key, quantity, holds);
          break;
        }
        case 2:
          stock.grant(1);
          model.available += 1;
          break;
      }
      REQUIRE(stock.available() == model.available);
      if (model.orders.contains({user, key})) REQUIRE(stock.may_have_ordered(name));
    }
  }
}

}  // namespace sluice::frontend
