#include "frontend/rate.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::frontend {

using std::chrono::nanoseconds;

TEST_CASE("rates as they are written") {
  struct Row {
    const char* text;
    Rate rate;
    std::int64_t interval_ns;
  };
  const Row rows[] = {
      {"10/s burst 20", {10, Millis(1'000), 20}, 100'000'000},
      {"10/s", {10, Millis(1'000), 10}, 100'000'000},
      {"1/h", {1, Millis(3'600'000), 1}, 3'600'000'000'000},
      {"90/m burst 1", {90, Millis(60'000), 1}, 666'666'667},  // rounded up: never faster
      {"10000000/s", {10'000'000, Millis(1'000), 10'000'000}, 100},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto rate = parse_rate(row.text);
    REQUIRE(rate);
    REQUIRE(rate->has_value());
    CHECK(**rate == row.rate);
    CHECK((*rate)->interval() == nanoseconds(row.interval_ns));
  }
  const auto none = parse_rate("");
  REQUIRE(none);
  CHECK(!none->has_value());
}

TEST_CASE("what is not a rate is refused with a reason") {
  struct Row {
    const char* text;
    const char* reason;
  };
  const Row rows[] = {
      {"10", "must be like"},
      {"ten/s", "count must be"},
      {"0/s", "count must be"},
      {"-1/s", "count must be"},
      {"10000001/s", "count must be"},
      {"10/d", "unit must be"},
      {"10/s ", "unit must be"},
      {"10/s burst", "unit must be"},
      {" burst 3/s", "count must be"},
      {"10/s burst 0", "burst must be"},
      {"10/s burst 1.5", "burst must be"},
      {"1/h burst 25", "more than a day"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto rate = parse_rate(row.text);
    REQUIRE(!rate);
    CHECK(rate.error().context.find(row.reason) != std::string::npos);
  }
}

}  // namespace sluice::frontend
