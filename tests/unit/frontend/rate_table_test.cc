// Token buckets: one alone, and a table of them beside a model that remembers every key.

#include "frontend/rate_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "frontend/token_bucket.h"
#include "shared/base/random.h"

namespace sluice::frontend {

namespace {

using std::chrono::nanoseconds;

// A bucket as people think of it: tokens that trickle in up to the burst. In whole microseconds.
class Tokens {
 public:
  Tokens(std::int64_t interval_us, std::int64_t burst)
      : interval_(interval_us), burst_(burst), level_(burst * interval_us) {}

  // Microseconds until there is a token; 0: one was taken.
  std::int64_t take(std::int64_t now_us) {
    level_ = std::min(level_ + now_us - seen_, burst_ * interval_);
    seen_ = now_us;
    if (level_ < interval_) return interval_ - level_;
    level_ -= interval_;
    return 0;
  }

 private:
  std::int64_t interval_;
  std::int64_t burst_;
  std::int64_t level_;
  std::int64_t seen_ = 0;
};

Instant at_us(std::int64_t us) {
  return {std::chrono::microseconds(us)};
}

std::int64_t us(nanoseconds wait) {
  return std::chrono::ceil<std::chrono::microseconds>(wait).count();
}

const Rate kTenASecond{.count = 10, .per = Millis(1'000), .burst = 3};
constexpr std::int64_t kInterval = 100'000;
// So far apart that their sets differ or their sixteen bits do.
std::uint64_t hash_of(std::uint64_t key) {
  return SeededRandom(key).next();
}

}  // namespace

TEST_CASE("a burst, then the rate, then the burst again after a rest") {
  struct Row {
    std::int64_t at_us;
    std::int64_t wait_us;
  };
  const Row rows[] = {
      {1'000'000, 0},       {1'000'000, 0},      {1'000'000, 0},
      {1'000'000, 100'000}, {1'060'000, 40'000},  // a refusal costs nothing
      {1'099'999, 1},       {1'100'000, 0},      {1'100'000, 100'000},
      {1'400'000, 0},       {1'400'000, 0},      {1'400'000, 0},
      {1'400'000, 100'000}, {1'500'000, 0},      {9'000'000, 0},  // however long the rest was
      {9'000'000, 0},       {9'000'000, 0},      {9'000'000, 100'000},
  };
  TokenBucket bucket(kTenASecond);
  RateTable table(kTenASecond, 8);
  for (const Row& row : rows) {
    CAPTURE(row.at_us);
    CHECK(us(bucket.take(at_us(row.at_us))) == row.wait_us);
    CHECK(us(table.take(hash_of(1), at_us(row.at_us))) == row.wait_us);
  }
}

TEST_CASE("a million requests: each key has what a bucket of its own would give it") {
  // Far fewer keys than slots, so that no set is ever full of debtors.
  constexpr std::uint64_t kKeys = 500;
  RateTable table(kTenASecond, 1 << 14);
  std::map<std::uint64_t, Tokens> model;
  SeededRandom random(11);
  std::int64_t now = 0;
  std::uint64_t admitted = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    now += static_cast<std::int64_t>(random.below(400));
    const std::uint64_t key = random.below(kKeys);
    const auto wanted = model.try_emplace(key, kInterval, 3).first->second.take(now);
    const auto got = us(table.take(hash_of(key), at_us(now)));
    REQUIRE(got == wanted);
    admitted += got == 0 ? 1 : 0;
  }
  CHECK(admitted > 100'000);
  CHECK(admitted < 1'000'000);
}

TEST_CASE("more keys than slots: still nobody gets more than his rate") {
  // A model that is told of what was admitted must have admitted it, too.
  constexpr std::uint64_t kKeys = 2'000;
  RateTable table(kTenASecond, 64);
  std::map<std::uint64_t, Tokens> model;
  SeededRandom random(12);
  std::int64_t now = 0;
  std::uint64_t admitted = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    now += static_cast<std::int64_t>(random.below(2'000));
    // Some come again and again, most seldom.
    const std::uint64_t key = random.below(2) == 0 ? random.below(10) : random.below(kKeys);
    if (table.take(hash_of(key), at_us(now)) > nanoseconds(0)) continue;
    ++admitted;
    REQUIRE(model.try_emplace(key, kInterval, 3).first->second.take(now) == 0);
  }
  CHECK(admitted > 1'000);
}

TEST_CASE("who comes into a full set waits only while eight others are in debt") {
  const Rate one{.count = 1, .per = Millis(1'000), .burst = 1};
  RateTable table(one, 8);
  for (std::uint64_t key = 1; key <= 8; ++key) {
    REQUIRE(table.take(key << 48, at_us(static_cast<std::int64_t>(key) * 1'000)) == nanoseconds(0));
  }
  // The first of them is closest to rest.
  CHECK(us(table.take(std::uint64_t{9} << 48, at_us(10'000))) == 991'000);
  CHECK(us(table.take(std::uint64_t{9} << 48, at_us(1'001'000))) == 0);
  CHECK(us(table.take(std::uint64_t{1} << 48, at_us(1'001'000))) == 1'000);  // then the second is
}

TEST_CASE("threads: a burst is given out once") {
  constexpr int kThreads = 4;
  constexpr int kKeys = 64;
  constexpr int kBurst = 100;
  const Rate rate{.count = 1, .per = Millis(3'600'000), .burst = 20};
  const Rate global{.count = 1, .per = Millis(60'000), .burst = kBurst};
  RateTable table(rate, 1 << 12);
  TokenBucket bucket(global);
  std::array<std::atomic<int>, kKeys> admitted{};
  std::atomic<int> in_all = 0;
  const auto hammer = [&] {
    for (int round = 0; round < 50; ++round) {
      for (int key = 0; key < kKeys; ++key) {
        const auto hash = hash_of(static_cast<std::uint64_t>(key));
        if (table.take(hash, at_us(1)) == nanoseconds(0)) ++admitted[static_cast<std::size_t>(key)];
        if (bucket.take(at_us(1)) == nanoseconds(0)) ++in_all;
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) threads.emplace_back(hammer);
  }
  CHECK(in_all == kBurst);
  for (const auto& count : admitted) {
    CHECK(count >= 20);
    CHECK(count < 20 + kThreads);  // first requests that met
  }
}

}  // namespace sluice::frontend
