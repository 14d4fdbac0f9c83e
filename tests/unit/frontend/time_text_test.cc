#include "frontend/time_text.h"

#include <doctest/doctest.h>

#include "shared/base/random.h"

namespace sluice::frontend {

TEST_CASE("times as text") {
  struct Row {
    std::int64_t unix_millis;
    const char* text;
  };
  const Row rows[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {-1, "1969-12-31T23:59:59.999Z"},
      {1'700'000'000'123, "2023-11-14T22:13:20.123Z"},
      {951'782'400'000, "2000-02-29T00:00:00.000Z"},
      {951'868'799'999, "2000-02-29T23:59:59.999Z"},
      {1'709'164'800'000, "2024-02-29T00:00:00.000Z"},
      {4'107'542'400'000, "2100-03-01T00:00:00.000Z"},  // 2100 has no 29 February
      {4'107'542'399'999, "2100-02-28T23:59:59.999Z"},
      {253'402'300'799'999, "9999-12-31T23:59:59.999Z"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    CHECK(rfc3339({row.unix_millis}) == row.text);
    const auto parsed = parse_rfc3339(row.text);
    REQUIRE(parsed);
    CHECK(parsed->unix_millis == row.unix_millis);
  }
}

TEST_CASE("the forms of RFC 3339") {
  constexpr std::int64_t kSingles = 1'794'326'400'000;  // 2026-11-10T16:00:00Z
  struct Row {
    const char* text;
    std::int64_t unix_millis;
  };
  const Row rows[] = {
      {"2026-11-10T16:00:00Z", kSingles},
      {"2026-11-10t16:00:00z", kSingles},
      {"2026-11-10 16:00:00Z", kSingles},
      {"2026-11-11T00:00:00+08:00", kSingles},
      {"2026-11-10T10:30:00-05:30", kSingles},
      {"2026-11-10T16:00:00+00:00", kSingles},
      {"2026-11-10T16:00:00-00:00", kSingles},
      {"2026-11-11T15:59:00+23:59", kSingles},
      {"2026-11-10T16:00:00.5Z", kSingles + 500},
      {"2026-11-10T16:00:00.05Z", kSingles + 50},
      {"2026-11-10T16:00:00.123456789Z", kSingles + 123},
      {"2026-11-10T16:00:00.0009Z", kSingles},
      {"2026-11-11T00:00:00.250+08:00", kSingles + 250},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto parsed = parse_rfc3339(row.text);
    REQUIRE(parsed);
    CHECK(parsed->unix_millis == row.unix_millis);
  }
}

TEST_CASE("what is no time") {
  const char* rows[] = {
      "",
      "now",
      "2026",
      "2026-11-11",
      "2026-11-11T00:00",
      "2026-11-11T00:00:00",
      "2026-11-11T00:00:00X",
      "2026-11-11T00:00:00ZZ",
      "2026-11-11T00:00:00Z ",
      " 2026-11-11T00:00:00Z",
      "2026-11-11T00:00:00.Z",
      "2026-11-11T00:00:00.",
      "2026-11-11T00:00:00+08",
      "2026-11-11T00:00:00+0800",
      "2026-11-11T00:00:00+08:0",
      "2026-11-11T00:00:00+24:00",
      "2026-11-11T00:00:00+08:60",
      "2026-11-11T00:00:00+-8:00",
      "2026-11-11T24:00:00Z",
      "2026-11-11T00:60:00Z",
      "2026-11-11T00:00:60Z",
      "2026-11-11T-0:00:00Z",
      "2026-11-11T+1:00:00Z",
      "2026-11-11T 1:00:00Z",
      "2026-00-11T00:00:00Z",
      "2026-13-11T00:00:00Z",
      "2026-11-00T00:00:00Z",
      "2026-11-31T00:00:00Z",
      "2026-02-29T00:00:00Z",
      "2100-02-29T00:00:00Z",
      "12026-11-11T00:00:00Z",
      "-026-11-11T00:00:00Z",
      "2026/11/11T00:00:00Z",
      "2026-11-11T00:00:00\xff",
      "1794326400000",
  };
  for (const auto* text : rows) {
    CAPTURE(text);
    const auto parsed = parse_rfc3339(text);
    REQUIRE(!parsed);
    CHECK(parsed.error().code == Code::invalid);
  }
  CHECK(parse_rfc3339("soon").error().context ==
        "\"soon\" is no time like 2026-11-11T00:00:00Z or ...+08:00");
}

TEST_CASE("every time is read back as it was written; damaged text does not harm") {
  SeededRandom random(11);
  const char kBytes[] = "0123456789-+:.TZtz \xff";
  for (int i = 0; i < 200'000; ++i) {
    const auto at = static_cast<std::int64_t>(random.below(253'402'300'800'000));
    std::string text = rfc3339({at});
    const auto parsed = parse_rfc3339(text);
    REQUIRE(parsed);
    REQUIRE(parsed->unix_millis == at);
    text[random.below(text.size())] = kBytes[random.below(sizeof kBytes - 1)];
    text.resize(random.below(text.size() + 1));
    static_cast<void>(parse_rfc3339(text).has_value());
  }
}

}  // namespace sluice::frontend
