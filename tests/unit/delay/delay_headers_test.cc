#include "broker/delay/delay_headers.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace sluice::broker {
namespace {

using Header = wire::Record::Header;

constexpr WallTime kNow{1'700'000'000'000};

TEST_CASE("when a record is due") {
  struct Row {
    const char* what;
    std::vector<Header> headers;
    std::optional<std::int64_t> due;
  };
  const std::string most = std::to_string(kDelayMaxMs);
  const std::string latest = std::to_string(kNow.unix_millis + kDelayMaxMs);
  const std::vector<Row> rows = {
      {"no headers", {}, std::nullopt},
      {"other headers", {{"deliver", "5"}, {"delay-ms2", "x"}, {"Deliver-At", "x"}}, std::nullopt},
      {"a delay", {{"delay-ms", "250"}}, kNow.unix_millis + 250},
      {"no delay", {{"delay-ms", "0"}}, kNow.unix_millis},
      {"a time", {{"a", "b"}, {"deliver-at", "1700000000001"}}, 1'700'000'000'001},
      {"a time that has passed", {{"deliver-at", "7"}}, 7},
      {"a year of delay", {{"delay-ms", most}}, kNow.unix_millis + kDelayMaxMs},
      {"in a year", {{"deliver-at", latest}}, kNow.unix_millis + kDelayMaxMs},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto due = due_of(row.headers, kNow);
    REQUIRE(due);
    CHECK(*due == row.due);
  }
}

TEST_CASE("what is refused, and how it is said") {
  struct Row {
    std::vector<Header> headers;
    const char* says;
  };
  const std::string beyond = std::to_string(kDelayMaxMs + 1);
  const std::string too_late = std::to_string(kNow.unix_millis + kDelayMaxMs + 1);
  const std::string binary("\x01\xff", 2);
  const std::string longer(100, '9');
  const std::vector<Row> rows = {
      {{{"deliver-at", "soon"}}, "header deliver-at is \"soon\": a Unix time in milliseconds"},
      {{{"deliver-at", "5 "}}, "header deliver-at is \"5 \""},
      {{{"deliver-at", ""}}, "header deliver-at is \"\""},
      {{{"deliver-at", std::nullopt}}, "header deliver-at is null"},
      {{{"deliver-at", "-5"}}, "header deliver-at is \"-5\""},
      {{{"deliver-at", "9223372036854775808"}}, "header deliver-at is \"9223372036854775808\""},
      {{{"deliver-at", "9223372036854775807"}}, "366 days"},
      {{{"delay-ms", "1.5"}}, "header delay-ms is \"1.5\": a number of milliseconds"},
      {{{"delay-ms", "-1"}}, "header delay-ms is \"-1\""},
      {{{"delay-ms", "+1"}}, "header delay-ms is \"+1\""},
      {{{"delay-ms", binary}}, "header delay-ms is \"??\""},
      {{{"delay-ms", longer}}, "9999\"..."},
      {{{"delay-ms", beyond}}, "header delay-ms is 31622400001: that is 31622400001 ms ahead"},
      {{{"deliver-at", too_late}}, "that is 31622400001 ms ahead, 31622400000 (366 days)"},
      {{{"deliver-at", "1"}, {"delay-ms", "1"}}, "headers deliver-at and delay-ms: a record may"},
      {{{"delay-ms", "1"}, {"delay-ms", "1"}}, "headers delay-ms and delay-ms: a record may"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.says);
    const auto due = due_of(row.headers, kNow);
    REQUIRE_FALSE(due);
    CHECK(due.error().code == Code::invalid);
    CHECK_MESSAGE(due.error().context.find(row.says) != std::string::npos, due.error().context);
  }
}

}  // namespace
}  // namespace sluice::broker
