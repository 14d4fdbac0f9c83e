#include "worker/order_pace.h"

#include <doctest/doctest.h>

#include "shared/base/random.h"
#include "worker/drain.h"

using namespace sluice;
using namespace sluice::worker;

namespace {

constexpr Instant at(std::int64_t millis) {
  return Instant() + Millis(1'000'000 + millis);
}

}  // namespace

TEST_CASE("without a limit everything may be placed") {
  OrderPace pace;
  pace.placed(1'000'000, at(0));
  CHECK(pace.allowed(at(0)) > 1'000'000'000);
  CHECK(pace.next(at(0)) == at(0));
}

TEST_CASE("a tenth of a second's orders at once, then as they come in") {
  OrderPace pace;
  pace.set(1'000);
  CHECK(pace.allowed(at(0)) == 100);
  pace.placed(100, at(0));
  CHECK(pace.allowed(at(0)) == 0);
  CHECK(pace.next(at(0)) == at(1));
  CHECK(pace.allowed(at(1)) == 1);
  CHECK(pace.allowed(at(50)) == 50);
  CHECK(pace.allowed(at(10'000)) == 100);
}

TEST_CASE("a slow pace lets single orders through") {
  OrderPace pace;
  pace.set(2);
  CHECK(pace.allowed(at(0)) == 1);
  pace.placed(1, at(0));
  CHECK(pace.allowed(at(499)) == 0);
  CHECK(pace.allowed(at(500)) == 1);
}

TEST_CASE("more than allowed is made up for, and a changed pace counts from then on") {
  OrderPace pace;
  pace.set(100);
  pace.placed(110, at(0));  // 100 too many
  CHECK(pace.next(at(0)) == at(1'010));
  pace.set(0);
  CHECK(pace.allowed(at(1)) > 1'000);
  pace.set(1'000);
  CHECK(pace.allowed(at(2'000)) == 100);
}

TEST_CASE("over any stretch of time no more than the rate and one full bucket") {
  SeededRandom random(7);
  for (const std::int64_t rate : {1, 7, 100, 5'000, 100'000}) {
    OrderPace pace;
    pace.set(rate);
    std::int64_t now = 0;
    std::int64_t placed = 0;
    for (int step = 0; step < 20'000; ++step) {
      now += static_cast<std::int64_t>(random.below(30));
      const std::int64_t some = std::min<std::int64_t>(
          pace.allowed(at(now)), 1 + static_cast<std::int64_t>(random.below(1'000)));
      pace.placed(some, at(now));
      placed += some;
      REQUIRE(placed <= rate * now / 1'000 + std::max<std::int64_t>(rate / 10, 1) + 1);
    }
    CHECK(placed >= std::min<std::int64_t>(rate, 10'000) * now / 1'000 * 8 / 10);
  }
}

TEST_CASE("a drain says how fast it is and when it is done") {
  // The lag stays: each order that is placed puts an answer on the log.
  const Drain first = Drain().measured(at(0), 0, 1'000'000, 1'000'000);
  CHECK(first.records_per_second == 0);
  CHECK_FALSE(first.eta);
  const Drain second =
      first.measured(at(5'000), 50'000, 1'025'000, 975'000);  // others keep ordering
  CHECK(second.records_per_second == 10'000);
  CHECK(second.lag == 1'025'000);
  CHECK(second.eta == std::chrono::seconds(195));
  CHECK_FALSE(second.measured(at(10'000), 60'000, 1'040'000, 980'000).eta);
  CHECK(second.measured(at(10'000), 60'000, 900'000, 0).eta == std::chrono::seconds(0));
}
