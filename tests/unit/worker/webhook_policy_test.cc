#include "worker/webhook_policy.h"

#include <doctest/doctest.h>

#include "shared/orders/delivery.h"

using namespace sluice;
using namespace sluice::worker;

namespace {

// Always the same number, so that a jitter's ends can be looked at.
struct FixedRandom final : Random {
  explicit FixedRandom(std::uint64_t number) : number(number) {}
  std::uint64_t next() override { return number; }
  std::uint64_t number;
};

WebhookAnswer answer(int status, std::optional<Millis> retry_after = std::nullopt) {
  return {.id = "a-placed", .status = status, .retry_after = retry_after};
}

constexpr Millis kLongest{600'000};

}  // namespace

TEST_CASE("what an answer means") {
  struct Row {
    int status;
    Verdict verdict;
  };
  const Row table[] = {
      {0, Verdict::failed},      {100, Verdict::failed},    {199, Verdict::failed},
      {200, Verdict::delivered}, {201, Verdict::delivered}, {204, Verdict::delivered},
      {299, Verdict::delivered}, {300, Verdict::failed},    {301, Verdict::failed},
      {307, Verdict::failed},    {400, Verdict::failed},    {401, Verdict::failed},
      {404, Verdict::failed},    {408, Verdict::failed},    {409, Verdict::failed},
      {410, Verdict::unwanted},  {422, Verdict::failed},    {429, Verdict::failed},
      {500, Verdict::failed},    {503, Verdict::failed},    {599, Verdict::failed},
  };
  for (const Row& row : table) {
    CAPTURE(row.status);
    CHECK(verdict_of(answer(row.status)) == row.verdict);
  }
}

TEST_CASE("the delay is anything up to a limit that doubles") {
  struct Row {
    std::int64_t failures;
    std::int64_t longest;  // of any
    std::int64_t at_most;  // after these
  };
  const Row table[] = {
      {1, 600'000, 1'000},           {2, 600'000, 2'000},    {3, 600'000, 4'000},
      {10, 600'000, 512'000},        {11, 600'000, 600'000}, {12, 600'000, 600'000},
      {1'000'000, 600'000, 600'000}, {1, 100, 100},          {9, 100, 100}};
  for (const Row& row : table) {
    CAPTURE(row.failures);
    FixedRandom lowest(0);
    CHECK(backoff(row.failures, Millis(row.longest), lowest) == Millis(0));
    FixedRandom highest(static_cast<std::uint64_t>(row.at_most));
    CHECK(backoff(row.failures, Millis(row.longest), highest) == Millis(row.at_most));
    SeededRandom random(7);
    Millis sum{0};
    for (int i = 0; i < 1'000; ++i) {
      const Millis delay = backoff(row.failures, Millis(row.longest), random);
      REQUIRE(delay >= Millis(0));
      REQUIRE(delay <= Millis(row.at_most));
      sum += delay;
    }
    // Full jitter: half of it in the mean.
    CHECK(sum / 1'000 > Millis(row.at_most) * 45 / 100);
    CHECK(sum / 1'000 < Millis(row.at_most) * 55 / 100);
  }
}

TEST_CASE("what went wrong is said in printable ASCII, and bounded") {
  CHECK(error_text({.status = 0, .text = "Connection refused"}) == "no answer: Connection refused");
  CHECK(error_text({.status = 503}) == "503");
  CHECK(error_text({.status = 500, .text = "caf\xc3\xa9\n\x01\xff!"}) == "500: caf\?\?\?\?\?!");
  CHECK(error_text({.status = 500, .text = std::string(10'000, 'x')}).size() ==
        orders::kMaxLastErrorBytes);
}

TEST_CASE("a system that fails is asked one at a time, ever less often, until it answers well") {
  EndpointHealth health;
  SeededRandom random(1);
  Instant now{std::chrono::hours(1)};
  for (std::int64_t i = 1; i < EndpointHealth::kFailing; ++i) {
    health.answered(answer(500), now, kLongest, random);
    CHECK_FALSE(health.failing());
    CHECK(health.requests(now, 8) == 8);
  }
  health.answered(answer(0), now, kLongest, random);
  CHECK(health.failing());
  for (int i = 0; i < 50; ++i) {
    // It rests half a minute at most, and is asked one thing then.
    now = now + EndpointHealth::kLongestRest;
    CHECK(health.requests(now, 8) == 1);
    health.answered(answer(i % 2 == 0 ? 500 : 404), now, kLongest, random);
    CHECK(health.failing());
  }
  health.answered(answer(200), now, kLongest, random);
  CHECK_FALSE(health.failing());
  CHECK(health.requests(now, 8) == 8);
}

TEST_CASE("what was under way when it began to fail does not count again") {
  EndpointHealth health;
  FixedRandom one_second(1'000);
  const Instant now{std::chrono::hours(1)};
  for (std::int64_t i = 0; i < EndpointHealth::kFailing + 200; ++i) {
    health.answered(answer(0), now, kLongest, one_second);
  }
  CHECK(health.requests(now + Millis(999), 256) == 0);
  CHECK(health.requests(now + Millis(1'000), 256) == 1);
}

TEST_CASE("Retry-After is for all deliveries, and taken for an hour at most") {
  struct Row {
    Millis asked;
    Millis rests;
  };
  const Row table[] = {{Millis(2'000), Millis(2'000)}, {Millis(86'400'000), Millis(3'600'000)}};
  for (const Row& row : table) {
    EndpointHealth health;
    SeededRandom random(1);
    const Instant now{std::chrono::hours(1)};
    health.answered(answer(429, row.asked), now, kLongest, random);
    CHECK(health.requests(now + (row.rests - Millis(1)), 8) == 0);
    CHECK(health.requests(now + row.rests, 8) == 8);
    // What was under way beside it says nothing against that.
    health.answered(answer(200), now, kLongest, random);
    CHECK(health.requests(now + (row.rests - Millis(1)), 8) == 0);
  }
}
