#include "shared/config/text.h"

#include <doctest/doctest.h>

using namespace sluice;
using namespace sluice::config;

TEST_CASE("durations have a unit and are printed with the largest that divides") {
  struct Case {
    const char* text;
    std::int64_t millis;
    const char* printed;
  };
  for (const Case& c :
       {Case{"500ms", 500, "500ms"}, Case{"2s", 2000, "2s"}, Case{"2000ms", 2000, "2s"},
        Case{"5m", 300'000, "5m"}, Case{"24h", 86'400'000, "1d"}, Case{"0ms", 0, "0ms"}}) {
    CAPTURE(c.text);
    const auto value = parse_duration(c.text);
    REQUIRE(value);
    CHECK(value->count() == c.millis);
    CHECK(duration_text(*value) == c.printed);
  }
  for (const char* text :
       {"", "5", "ms", "-5s", "5 s", "5S", "1.5s", "99999999999999999d", "5sm"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("sizes are binary and plain numbers are bytes") {
  CHECK(parse_size("64KiB") == ByteSize{65536});
  CHECK(parse_size("1MiB") == ByteSize::mib(1));
  CHECK(parse_size("12") == ByteSize{12});
  CHECK(parse_size("12B") == ByteSize{12});
  CHECK(size_text(ByteSize::gib(2)) == "2GiB");
  CHECK(size_text(ByteSize{1500}) == "1500B");
  CHECK(size_text(ByteSize{0}) == "0B");
  for (const char* text : {"", "-1", "1KB", "1kib", "KiB", "9999999999999TiB"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text));
  }
}

TEST_CASE("the nearest name is the smallest edit distance, if it is near") {
  const std::vector<std::string> known{"listen", "admin_listen", "data_dir"};
  CHECK(nearest_name("lisen", known) == "listen");
  CHECK(nearest_name("data-dir", known) == "data_dir");
  CHECK(nearest_name("adminlisten", known) == "admin_listen");
  CHECK_FALSE(nearest_name("zookeeper", known));
  CHECK_FALSE(nearest_name("listen", {}));
}

TEST_CASE("scalars are quoted only where YAML needs it") {
  CHECK(scalar_text("127.0.0.1:9092") == "127.0.0.1:9092");
  CHECK(scalar_text("sqlite:data/orders.db") == "sqlite:data/orders.db");
  CHECK(scalar_text("") == "\"\"");
  CHECK(scalar_text("null") == "\"null\"");
  CHECK(scalar_text("a \"b\"\n") == "\"a \\\"b\\\"\\x0a\"");
  CHECK(scalar_text("host:") == "\"host:\"");
}

TEST_CASE("text wraps at words") {
  CHECK(wrapped("aa bb cc", "# ", 7) == "# aa bb\n# cc\n");
  CHECK(wrapped("a_word_that_is_too_long b", "# ", 7) == "# a_word_that_is_too_long\n# b\n");
  CHECK(wrapped("", "# ", 7).empty());
}
