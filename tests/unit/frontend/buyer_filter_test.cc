#include "frontend/buyer_filter.h"

#include <doctest/doctest.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "shared/base/random.h"

namespace sluice::frontend {

namespace {

std::vector<std::size_t> hashes(std::uint64_t seed, std::size_t count) {
  SeededRandom random(seed);
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(random.next());
  return all;
}

std::size_t hits(const BuyerFilter& filter, const std::vector<std::size_t>& of) {
  std::size_t count = 0;
  for (const std::size_t hash : of) count += filter.may_contain(hash) ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a filter that grows keeps what it had, and becomes as sharp as its size") {
  const auto buyers = hashes(1, 20'000);
  const auto others = hashes(2, 20'000);
  BuyerFilter filter(100);
  for (const std::size_t hash : buyers) filter.add(hash);
  CHECK(hits(filter, others) == others.size());  // far more than it was made for
  REQUIRE(filter.begin_growth(20'000));
  CHECK(hits(filter, buyers) == buyers.size());  // while it grows, too
  for (const std::size_t hash : buyers) filter.add(hash);
  filter.end_growth();
  CHECK(hits(filter, buyers) == buyers.size());
  CHECK(hits(filter, others) < others.size() / 40);
}

TEST_CASE("there is need to grow only when the table doubles") {
  BuyerFilter filter(1'000);
  CHECK(!filter.begin_growth(1'000));
  CHECK(!filter.begin_growth(10));
  REQUIRE(filter.begin_growth(2'000));
  filter.end_growth();
  CHECK(!filter.begin_growth(2'000));
  // At the cap it stays.
  REQUIRE(filter.begin_growth(1'000'000'000));
  filter.end_growth();
  CHECK(!filter.begin_growth(1'000'000'000'000));
}

TEST_CASE("no buyer is forgotten while the filter grows under way") {
  constexpr std::size_t kBuyers = 20'000;
  const auto buyers = hashes(3, kBuyers);
  BuyerFilter filter(10);
  std::mutex mutex;
  std::vector<std::size_t> added;  // guarded by mutex
  std::atomic<bool> forgotten = false;
  std::atomic<bool> done = false;
  {
    const std::jthread grower([&] {
      for (std::int64_t units = 100; !done && units <= 1'000'000; units *= 2) {
        if (!filter.begin_growth(units)) continue;
        const std::lock_guard lock(mutex);
        for (const std::size_t hash : added) filter.add(hash);
        filter.end_growth();
      }
    });
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < 2; ++t) {
      threads.emplace_back([&, t] {
        for (std::size_t i = t; i < kBuyers; i += 2) {
          {
            const std::lock_guard lock(mutex);
            filter.add(buyers[i]);
            added.push_back(buyers[i]);
          }
          if (!filter.may_contain(buyers[i])) forgotten = true;
        }
      });
    }
    threads.clear();
    done = true;
  }
  CHECK(!forgotten);
  CHECK(hits(filter, buyers) == kBuyers);
}

}  // namespace sluice::frontend
