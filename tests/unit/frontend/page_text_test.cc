// What pages write: prices, times, the language that is preferred.

#include "frontend/page_text.h"

#include <doctest/doctest.h>

namespace sluice::frontend {

TEST_CASE("a span of time") {
  CHECK(span_text(0) == "00:00");
  CHECK(span_text(59) == "00:59");
  CHECK(span_text(899) == "14:59");
  CHECK(span_text(3'600) == "1:00:00");
  CHECK(span_text(90'061) == "25:01:01");
}

TEST_CASE("a price has its currency's digits and sign") {
  CHECK(price_text(9900, "CNY") == "¥99.00");
  CHECK(price_text(5, "USD") == "$0.05");
  CHECK(price_text(123'456'789, "EUR") == "€1,234,567.89");
  CHECK(price_text(1200, "JPY") == "¥1,200");
  CHECK(price_text(12'500, "KWD") == "KWD 12.500");
  CHECK(price_text(1250, "CHF") == "CHF 12.50");
  CHECK(price_text(0, "CHF") == "CHF 0.00");
  CHECK(price_text(100'000, "") == " 1,000.00");
}

TEST_CASE("a time is read by people, to the minute where that is all") {
  CHECK(time_text({1'700'000'000'000}) == "2023-11-14 22:13:20 UTC");
  CHECK(time_text({1'700'000'040'000}) == "2023-11-14 22:14 UTC");
  CHECK(time_text({0}) == "1970-01-01 00:00 UTC");
}

TEST_CASE("the better liked language of ours, English when it is none of them") {
  const auto preferred = [](ByteView header) { return code_of(preferred_language(header)); };
  CHECK(preferred("") == "en");
  CHECK(preferred("fr, de;q=0.5") == "en");
  CHECK(preferred("zh") == "zh");
  CHECK(preferred("zh-CN,zh;q=0.9,en;q=0.8") == "zh");
  CHECK(preferred("ZH-Hant-TW") == "zh");
  CHECK(preferred("en-GB,en;q=0.9,zh;q=0.8") == "en");
  CHECK(preferred("en;q=0.3, zh;q=0.7") == "zh");
  CHECK(preferred("en;q=0.7,zh;q=0.75") == "zh");
  CHECK(preferred("fr, zh;q=0.1") == "zh");
  CHECK(preferred("zh;q=0") == "en");
  CHECK(preferred("zhuang, en") == "en");
  CHECK(preferred(",;,;q=,zh") == "zh");
  CHECK(preferred("zh;q=0.00000000000000000001") == "en");
}

TEST_CASE("languages have names in URLs") {
  CHECK(language_named("en") == Language::english);
  CHECK(language_named("zh") == Language::chinese);
  CHECK(!language_named("fr"));
  CHECK(!language_named(""));
}

}  // namespace sluice::frontend
