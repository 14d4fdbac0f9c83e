#include "frontend/order_board.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "shared/base/clock.h"

namespace sluice::frontend {

namespace {

ledger::PackedOrderId order(unsigned char n) {
  ledger::PackedOrderId id{};
  id[15] = n;
  return id;
}

}  // namespace

TEST_CASE("who watches an order is called at its next change, once") {
  OrderBoard board;
  int ann = 0;
  int bob = 0;
  board.changed(order(1));
  board.watch(order(1), [&] { ++ann; });
  board.watch(order(1), [&] { ++bob; });
  board.changed(order(2));
  CHECK(ann + bob == 0);
  board.changed(order(1));
  board.changed(order(1));
  CHECK(ann == 1);
  CHECK(bob == 1);
}

TEST_CASE("who does not watch any more is not called") {
  OrderBoard board;
  int ann = 0;
  int bob = 0;
  const auto ticket = board.watch(order(1), [&] { ++ann; });
  board.watch(order(1), [&] { ++bob; });
  board.unwatch(order(1), ticket);
  board.unwatch(order(1), ticket);
  board.changed(order(1));
  CHECK(ann == 0);
  CHECK(bob == 1);
}

TEST_CASE("a stop calls all, and whoever comes later at once") {
  OrderBoard board;
  int called = 0;
  board.watch(order(1), [&] { ++called; });
  board.watch(order(2), [&] { ++called; });
  board.stop();
  CHECK(called == 2);
  CHECK(board.stopped());
  board.watch(order(3), [&] { ++called; });
  CHECK(called == 3);
}

TEST_CASE("no change is missed by who watches first and looks then") {
  for (int round = 0; round < 2'000; ++round) {
    OrderBoard board;
    std::atomic<int> version = 0;
    std::atomic<bool> called = false;
    int seen = 0;
    {
      const std::jthread reader([&] {
        version = 1;
        board.changed(order(1));
      });
      board.watch(order(1), [&] { called = true; });
      seen = version;
    }
    REQUIRE((seen == 1 || called));
  }
}

TEST_CASE("a watch resumes at a change or at its deadline") {
  OrderBoard board;
  net::Loop loop;
  SystemClock clock;
  bool resumed = false;
  const auto wait = [&](Instant deadline) -> Task<void> {
    OrderWatch watch(board, loop, clock, order(1));
    co_await watch.changed_or(deadline);
    resumed = true;
  };
  SUBCASE("a change") {
    auto task = wait(clock.now() + std::chrono::hours(1));
    CHECK(!resumed);
    const std::jthread reader([&] { board.changed(order(1)); });
    loop.run();
    CHECK(resumed);
  }
  SUBCASE("the deadline, and a change at the same time does no harm") {
    auto task = wait(clock.now());
    loop.run();
    CHECK(resumed);
    board.changed(order(1));
    loop.run();
  }
  SUBCASE("a change of before it waits") {
    OrderWatch watch(board, loop, clock, order(1));
    board.changed(order(1));
    auto task = watch.changed_or(clock.now() + std::chrono::hours(1));
    loop.run();
    CHECK(task.done());
  }
}

}  // namespace sluice::frontend
