#include "frontend/in_flight.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "tests/support/manual_clock.h"

namespace sluice::frontend {

namespace {

using client::Outcome;

ledger::PackedOrderId id_of(int n) {
  return *ledger::pack_order_id(ledger::order_id("s", "u", std::to_string(n)));
}

ledger::Reserve reserve(int n, std::int64_t epoch = 1) {
  return {.order = ledger::order_id("s", "u", std::to_string(n)), .sale = "s", .epoch = epoch};
}

// Orders in flight, and what their waiters and undos were told.
struct Desk {
  InFlight in_flight{Millis(1'000)};
  ManualClock clock;
  std::vector<Placement> answers;
  std::vector<std::string> undone;

  InFlight::Waiter waiter() {
    return [this](Placement placement) { answers.push_back(placement); };
  }
  void add(int n, std::int32_t partition = 0, std::int64_t epoch = 1) {
    in_flight.add(id_of(n), reserve(n, epoch), partition, clock.now(), waiter());
  }
  bool join(int n) {
    auto joining = waiter();
    return in_flight.join(id_of(n), clock.now(), joining);
  }
  void delivered(int n, Outcome outcome) {
    in_flight.delivered(id_of(n), outcome, [this](const ledger::Reserve& reserve) {
      CHECK(answers.empty());  // the units are free before anybody is told
      undone.push_back(reserve.order);
    });
  }
  void seen(int n, Placement placement = Placement::queued, std::int32_t partition = 0) {
    in_flight.seen(id_of(n), partition, [=](const ledger::Reserve& reserve) {
      CHECK(reserve.order == ledger::order_id("s", "u", std::to_string(n)));
      return placement;
    });
  }
  void settle(std::int32_t partition, std::int64_t epoch) {
    for (const auto& one : in_flight.settle(partition, epoch)) undone.push_back(one.order);
  }
  bool told(std::vector<Placement> expected) const { return answers == expected; }
};

constexpr auto kQueued = Placement::queued;
constexpr auto kPending = Placement::pending;
constexpr auto kNot = Placement::not_reserved;

}  // namespace

TEST_CASE("every outcome, before and after the log was read") {
  struct Row {
    const char* what;
    std::string_view events;  // P, N, D: persisted, not, in doubt; S: seen; V: seen and void; E:
                              // expire; J: join; X: settle
    std::vector<Placement> answers;
    std::size_t undone;
    std::size_t left;
    std::size_t doubtful;
  };
  const Row rows[] = {
      {"durable, then read", "PS", {kQueued}, 0, 0, 0},
      {"read, then durable", "SP", {kQueued}, 0, 0, 0},
      {"read, then in doubt", "SD", {kQueued}, 0, 0, 0},
      {"read, then a report that cannot be", "SN", {kQueued}, 0, 0, 0},
      {"durable, not read yet", "P", {kQueued}, 0, 1, 0},
      {"certainly not", "N", {kNot}, 1, 0, 0},
      {"in doubt", "D", {kPending}, 0, 1, 1},
      {"in doubt, then read", "DS", {kPending}, 0, 0, 0},
      {"in doubt, then settled", "DX", {kPending}, 1, 0, 0},
      {"in doubt, settled, then read void", "DXV", {kPending}, 1, 0, 0},
      {"a settlement does not touch what is under way", "XP", {kQueued}, 0, 1, 0},
      {"nor what is durable", "PX", {kQueued}, 0, 1, 0},
      {"slow, then durable", "EP", {kPending}, 0, 1, 0},
      {"slow, then read", "ES", {kPending}, 0, 0, 0},
      {"slow, then certainly not", "EN", {kPending}, 1, 0, 0},
      {"slow, in doubt, settled", "EDX", {kPending}, 1, 0, 0},
      {"void on the log", "V", {kNot}, 0, 0, 0},
      {"durable, void on the log", "PV", {kQueued}, 0, 0, 0},
      {"two wait, both are told", "JP", {kQueued, kQueued}, 0, 1, 0},
      {"two wait, none is reserved", "JN", {kNot, kNot}, 1, 0, 0},
      {"joined after it was durable", "PJ", {kQueued, kQueued}, 0, 1, 0},
      {"joined in doubt", "DJ", {kPending, kPending}, 0, 1, 1},
      {"joined after the first was told pending", "EJE", {kPending, kPending}, 0, 1, 0},
      {"joined late, then durable", "EJP", {kPending, kQueued}, 0, 1, 0},
      {"waiting again is no second answer", "EE", {kPending}, 0, 1, 0},
      {"told is told", "PESE", {kQueued}, 0, 0, 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.what);
    Desk desk;
    desk.add(1);
    for (const char event : row.events) {
      if (event == 'P') desk.delivered(1, Outcome::persisted);
      if (event == 'D') desk.delivered(1, Outcome::possibly_persisted);
      if (event == 'N') {
        desk.in_flight.delivered(id_of(1), Outcome::not_persisted, [&](const ledger::Reserve& one) {
          desk.undone.push_back(one.order);
        });
      }
      if (event == 'S') desk.seen(1);
      if (event == 'V') desk.seen(1, kNot);
      if (event == 'J') CHECK(desk.join(1));
      if (event == 'X') desk.settle(0, 2);
      if (event == 'E') {
        desk.clock.advance(Millis(1'000));
        desk.in_flight.expire(desk.clock.now());
      }
    }
    CHECK(desk.told(row.answers));
    CHECK(desk.undone.size() == row.undone);
    CHECK(desk.in_flight.size() == row.left);
    CHECK(desk.in_flight.doubtful() == row.doubtful);
  }
}

TEST_CASE("units are given back before anybody is told") {
  Desk desk;
  desk.add(1);
  desk.delivered(1, Outcome::not_persisted);
  CHECK(desk.told({kNot}));
  CHECK(desk.undone == std::vector<std::string>{reserve(1).order});
}

TEST_CASE("an order that is not in flight") {
  Desk desk;
  CHECK(!desk.join(1));
  CHECK(!desk.in_flight.find(id_of(1)));
  desk.seen(1);
  desk.delivered(1, Outcome::not_persisted);
  CHECK(desk.told({}));
  CHECK(desk.undone.empty());
}

TEST_CASE("a record of another partition is not ours") {
  Desk desk;
  desk.add(1, 3);
  desk.seen(1, kQueued, 2);
  CHECK(desk.in_flight.size() == 1);
  CHECK(desk.told({}));
  desk.seen(1, kQueued, 3);
  CHECK(desk.told({kQueued}));
}

TEST_CASE("an epoch settles what was sent to its partition before it, and is in doubt") {
  Desk desk;
  desk.add(1, 0, 1);
  desk.add(2, 0, 2);
  desk.add(3, 1, 1);
  desk.add(4, 0, 1);
  for (const int n : {1, 2, 3}) desk.delivered(n, Outcome::possibly_persisted);
  CHECK(desk.in_flight.doubtful_partitions() == std::vector<std::int32_t>{0, 1});
  desk.settle(0, 2);
  CHECK(desk.undone == std::vector<std::string>{reserve(1).order});
  CHECK(desk.in_flight.doubtful() == 2);
  desk.settle(0, 2);
  desk.settle(0, 3);
  desk.settle(1, 2);
  CHECK(desk.undone.size() == 3);
  CHECK(desk.in_flight.doubtful() == 0);
  CHECK(desk.in_flight.doubtful_partitions().empty());
  CHECK(desk.in_flight.size() == 1);  // the fourth is under way
  // It can be placed again.
  desk.add(1);
  CHECK(desk.in_flight.find(id_of(1)));
}

TEST_CASE("find tells whether it is durable") {
  Desk desk;
  desk.add(1);
  REQUIRE(desk.in_flight.find(id_of(1)));
  CHECK(!desk.in_flight.find(id_of(1))->durable);
  desk.delivered(1, Outcome::persisted);
  CHECK(desk.in_flight.find(id_of(1))->durable);
  CHECK(desk.in_flight.find(id_of(1))->reserve == reserve(1));
}

TEST_CASE("each waits from when it came") {
  Desk desk;
  desk.add(1);
  desk.clock.advance(Millis(600));
  desk.add(2);
  CHECK(desk.join(1));
  desk.clock.advance(Millis(399));
  desk.in_flight.expire(desk.clock.now());
  CHECK(desk.told({}));
  desk.clock.advance(Millis(1));
  desk.in_flight.expire(desk.clock.now());
  CHECK(desk.told({kPending, kPending}));  // the first, and who joined it
  desk.clock.advance(Millis(600));
  desk.in_flight.expire(desk.clock.now());
  CHECK(desk.told({kPending, kPending, kPending}));
}

TEST_CASE("after the end nobody waits") {
  Desk desk;
  desk.add(1);
  CHECK(desk.join(1));
  desk.in_flight.stop_waiting();
  CHECK(desk.told({kPending, kPending}));
  desk.add(2);
  CHECK(desk.join(2));
  CHECK(desk.answers.size() == 4);
  desk.delivered(1, Outcome::persisted);
  CHECK(desk.answers.size() == 4);
}

TEST_CASE("a callback may call back") {
  Desk desk;
  desk.in_flight.add(id_of(1), reserve(1), 0, desk.clock.now(), [&](Placement) {
    CHECK(desk.in_flight.size() == 0);
    desk.add(2);
  });
  desk.in_flight.delivered(id_of(1), Outcome::not_persisted,
                           [&](const ledger::Reserve&) { CHECK(desk.in_flight.size() == 0); });
  CHECK(desk.in_flight.size() == 1);
}

TEST_CASE("threads: each waiter is told once, undone exactly when nothing was sent") {
  constexpr int kOrders = 3'000;
  InFlight in_flight(Millis(1));
  const SystemClock clock;
  std::vector<std::atomic<int>> told(kOrders);
  std::vector<std::atomic<int>> not_reserved(kOrders);
  std::vector<std::atomic<int>> undone(kOrders);
  std::atomic<int> added = 0;
  const auto waiter = [&](std::size_t n) {
    return [&, n](Placement placement) {
      ++told[n];
      if (placement == Placement::not_reserved) ++not_reserved[n];
    };
  };
  std::vector<int> joined(kOrders);
  {
    std::jthread requests([&] {
      for (int n = 0; n < kOrders; ++n) {
        in_flight.add(id_of(n), reserve(n), n % 4, clock.now(),
                      waiter(static_cast<std::size_t>(n)));
        added = n + 1;
      }
    });
    std::jthread repeats([&] {
      for (int n = 0; n < kOrders; ++n) {
        while (added <= n) std::this_thread::yield();
        InFlight::Waiter second = waiter(static_cast<std::size_t>(n));
        if (in_flight.join(id_of(n), clock.now(), second)) joined[static_cast<std::size_t>(n)] = 1;
      }
    });
    std::jthread producer([&] {
      for (int n = 0; n < kOrders; ++n) {
        while (added <= n) std::this_thread::yield();
        const auto outcome = n % 3 == 0   ? Outcome::not_persisted
                             : n % 3 == 1 ? Outcome::persisted
                                          : Outcome::possibly_persisted;
        in_flight.delivered(id_of(n), outcome, [&, n](const ledger::Reserve&) {
          ++undone[static_cast<std::size_t>(n)];
        });
      }
    });
    std::jthread reader([&] {
      for (int n = 0; n < kOrders; ++n) {
        while (added <= n) std::this_thread::yield();
        if (n % 3 != 0) {
          in_flight.seen(id_of(n), n % 4, [](const ledger::Reserve&) { return Placement::queued; });
        }
        in_flight.expire(clock.now());
        in_flight.doubtful_partitions();
      }
    });
  }
  in_flight.stop_waiting();
  int wrong = 0;
  for (std::size_t n = 0; n < kOrders; ++n) {
    if (told[n] != 1 + joined[n]) ++wrong;
    if (undone[n] != (n % 3 == 0 ? 1 : 0)) ++wrong;
    if (n % 3 != 0 && not_reserved[n] != 0) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(in_flight.size() == 0);
  CHECK(in_flight.doubtful() == 0);
}

}  // namespace sluice::frontend
