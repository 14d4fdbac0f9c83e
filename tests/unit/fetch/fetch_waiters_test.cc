#include "broker/fetch/fetch_waiters.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

#include "shared/base/random.h"

namespace sluice::broker {
namespace {

using Added = FetchWaiters::Added;
using Tokens = std::vector<FetchToken>;

Instant at(std::int64_t ms) {
  return {Millis(ms)};
}
FetchToken token(std::uint64_t value) {
  return FetchToken(value);
}

TEST_CASE("a fetch is answered at once when waiting cannot help") {
  struct Row {
    const char* given;
    std::int64_t deadline_ms;
    std::uint64_t min_bytes;
    std::vector<FetchWaiters::Available> available;
    Added then;
  };
  const Row rows[] = {
      {"nothing there", 100, 1, {{7, 0}}, Added::parked},
      {"too little there", 100, 10, {{7, 4}, {8, 5}}, Added::parked},
      {"enough over all partitions", 100, 10, {{7, 4}, {8, 6}}, Added::ready},
      {"more than enough", 100, 10, {{7, 40}}, Added::ready},
      {"min_bytes 0", 100, 0, {{7, 0}}, Added::ready},
      {"max_wait 0", 50, 1, {{7, 0}}, Added::ready},
      {"no partitions", 100, 1, {}, Added::ready},
  };
  for (const Row& row : rows) {
    CAPTURE(row.given);
    FetchWaiters waiters({});
    CHECK(waiters.add(at(50), token(1), at(row.deadline_ms), row.min_bytes, row.available) ==
          row.then);
    CHECK(waiters.size() == (row.then == Added::parked ? 1 : 0));
  }
}

TEST_CASE("appends add up over the partitions of a fetch") {
  FetchWaiters waiters({});
  REQUIRE(waiters.add(at(0), token(1), at(100), 10, {{1, 2}, {2, 0}}) == Added::parked);
  CHECK(waiters.appended(1, 3) == Tokens{});
  CHECK(waiters.appended(3, 1000) == Tokens{});
  CHECK(waiters.appended(2, 4) == Tokens{});
  CHECK(waiters.appended(2, 1) == Tokens{token(1)});
  CHECK(waiters.appended(2, 1000) == Tokens{});
  CHECK(waiters.size() == 0);
  CHECK(waiters.next_deadline() == Instant::never());
}

TEST_CASE("one append wakes all who wait for that partition and only them") {
  FetchWaiters waiters({});
  REQUIRE(waiters.add(at(0), token(1), at(100), 1, {{1, 0}}) == Added::parked);
  REQUIRE(waiters.add(at(0), token(2), at(100), 1, {{2, 0}}) == Added::parked);
  REQUIRE(waiters.add(at(0), token(3), at(100), 1, {{1, 0}, {2, 0}}) == Added::parked);
  REQUIRE(waiters.add(at(0), token(4), at(100), 50, {{1, 0}}) == Added::parked);
  CHECK(waiters.appended(1, 10) == Tokens{token(1), token(3)});
  CHECK(waiters.appended(2, 10) == Tokens{token(2)});
  CHECK(waiters.size() == 1);
}

TEST_CASE("a partition that is named twice counts an append once") {
  FetchWaiters waiters({});
  REQUIRE(waiters.add(at(0), token(1), at(100), 10, {{1, 0}, {1, 0}}) == Added::parked);
  CHECK(waiters.appended(1, 5) == Tokens{});
  CHECK(waiters.appended(1, 5) == Tokens{token(1)});
}

TEST_CASE("deadlines, deletion and removal") {
  FetchWaiters waiters({});
  REQUIRE(waiters.add(at(0), token(1), at(300), 1, {{1, 0}}) == Added::parked);
  REQUIRE(waiters.add(at(0), token(2), at(100), 1, {{2, 0}}) == Added::parked);
  REQUIRE(waiters.add(at(0), token(3), at(200), 99, {{1, 0}, {2, 0}}) == Added::parked);
  CHECK(waiters.next_deadline() == at(100));
  CHECK(waiters.expire(at(99)) == Tokens{});

  SUBCASE("expire returns them in the order of their deadlines") {
    CHECK(waiters.expire(at(200)) == Tokens{token(2), token(3)});
    CHECK(waiters.next_deadline() == at(300));
    CHECK(waiters.expire(at(300)) == Tokens{token(1)});
    CHECK(waiters.expire(Instant::never()) == Tokens{});
  }
  SUBCASE("a deleted partition wakes its waiters whatever they miss") {
    CHECK(waiters.wake_partition(1) == Tokens{token(1), token(3)});
    CHECK(waiters.wake_partition(1) == Tokens{});
    CHECK(waiters.wake_partition(9) == Tokens{});
    CHECK(waiters.expire(at(1000)) == Tokens{token(2)});
  }
  SUBCASE("a removed fetch is not returned any more") {
    CHECK(waiters.remove(token(2)));
    CHECK_FALSE(waiters.remove(token(2)));
    CHECK(waiters.appended(2, 10) == Tokens{});
    CHECK(waiters.next_deadline() == at(200));
  }
}

TEST_CASE("limits refuse and change nothing") {
  SUBCASE("waiters_max") {
    FetchWaiters waiters({.waiters_max = 2});
    CHECK(waiters.add(at(0), token(1), at(9), 1, {{1, 0}}) == Added::parked);
    CHECK(waiters.add(at(0), token(2), at(9), 1, {{1, 0}}) == Added::parked);
    CHECK(waiters.add(at(0), token(3), at(9), 1, {{1, 0}}) == Added::full);
    CHECK(waiters.appended(1, 1) == Tokens{token(1), token(2)});
    CHECK(waiters.add(at(0), token(3), at(9), 1, {{1, 0}}) == Added::parked);
  }
  SUBCASE("waits_max") {
    FetchWaiters waiters({.waits_max = 3});
    CHECK(waiters.add(at(0), token(1), at(9), 1, {{1, 0}, {2, 0}}) == Added::parked);
    CHECK(waiters.add(at(0), token(2), at(9), 1, {{3, 0}, {4, 0}}) == Added::full);
    CHECK(waiters.add(at(0), token(2), at(9), 1, {{3, 0}, {3, 0}}) == Added::parked);
    CHECK(waiters.appended(1, 1) == Tokens{token(1)});
    CHECK(waiters.add(at(0), token(4), at(9), 1, {{3, 0}, {4, 0}}) == Added::parked);
  }
}

// Scans everything for each question.
struct NaiveWaiters {
  struct Waiter {
    Instant deadline;
    std::uint64_t have;
    std::uint64_t min_bytes;
    std::set<FetchPartition> partitions;
  };
  std::map<std::uint64_t, Waiter> parked;

  template <class Ready>
  std::set<std::uint64_t> take(Ready ready) {
    std::set<std::uint64_t> tokens;
    for (const auto& [value, waiter] : parked) {
      if (ready(waiter)) tokens.insert(value);
    }
    for (const std::uint64_t value : tokens) parked.erase(value);
    return tokens;
  }

  std::set<std::uint64_t> appended(FetchPartition partition, std::uint64_t bytes) {
    for (auto& [value, waiter] : parked) {
      if (waiter.partitions.contains(partition)) waiter.have += bytes;
    }
    return take([](const Waiter& waiter) { return waiter.have >= waiter.min_bytes; });
  }

  Instant next_deadline() const {
    Instant next = Instant::never();
    for (const auto& [value, waiter] : parked) next = std::min(next, waiter.deadline);
    return next;
  }
};

std::set<std::uint64_t> values(const Tokens& tokens) {
  std::set<std::uint64_t> result;
  for (const FetchToken each : tokens) result.insert(each.value);
  CHECK(result.size() == tokens.size());
  return result;
}

TEST_CASE("random sequences agree with a naive model") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    SeededRandom random(seed);
    FetchWaiters waiters({});
    NaiveWaiters model;
    std::int64_t now = 0;
    std::uint64_t next_token = 0;
    for (int step = 0; step < 10'000; ++step) {
      const auto partition = static_cast<FetchPartition>(random.below(6));
      switch (random.below(8)) {
        case 0:
        case 1:
        case 2: {
          std::vector<FetchWaiters::Available> available;
          NaiveWaiters::Waiter waiter{.deadline = at(now + static_cast<int>(random.below(40))),
                                      .have = 0,
                                      .min_bytes = random.below(60),
                                      .partitions = {}};
          for (std::uint64_t i = random.below(4); i > 0; --i) {
            available.push_back({static_cast<FetchPartition>(random.below(6)), random.below(10)});
            waiter.have += available.back().bytes;
            waiter.partitions.insert(available.back().partition);
          }
          const bool parks =
              waiter.have < waiter.min_bytes && waiter.deadline > at(now) && !available.empty();
          const Added added = waiters.add(at(now), token(++next_token), waiter.deadline,
                                          waiter.min_bytes, available);
          REQUIRE(added == (parks ? Added::parked : Added::ready));
          if (parks) model.parked.emplace(next_token, waiter);
          break;
        }
        case 3:
        case 4: {
          const std::uint64_t bytes = random.below(30);
          REQUIRE(values(waiters.appended(partition, bytes)) == model.appended(partition, bytes));
          break;
        }
        case 5: {
          now += static_cast<int>(random.below(20));
          REQUIRE(values(waiters.expire(at(now))) ==
                  model.take([&](const auto& waiter) { return waiter.deadline <= at(now); }));
          break;
        }
        case 6:
          if (random.below(10) != 0) break;
          REQUIRE(values(waiters.wake_partition(partition)) == model.take([&](const auto& waiter) {
            return waiter.partitions.contains(partition);
          }));
          break;
        case 7: {
          const std::uint64_t gone = random.below(next_token + 1);
          REQUIRE(waiters.remove(token(gone)) == (model.parked.erase(gone) == 1));
          break;
        }
      }
      REQUIRE(waiters.size() == model.parked.size());
      REQUIRE(waiters.next_deadline() == model.next_deadline());
    }
  }
}

}  // namespace
}  // namespace sluice::broker
