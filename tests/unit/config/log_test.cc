#include "shared/log/log.h"

#include <doctest/doctest.h>

using namespace sluice;

TEST_CASE("values are quoted only where they could be misread") {
  CHECK(log::quoted("127.0.0.1:9092") == "127.0.0.1:9092");
  CHECK(log::quoted("") == "\"\"");
  CHECK(log::quoted("a b") == "\"a b\"");
  CHECK(log::quoted("a=\"b\"\n\x01") == "\"a=\\\"b\\\"\\n\\x01\"");
}

TEST_CASE("levels have names") {
  CHECK(*log::level_named("warning") == log::Level::warning);
  CHECK_FALSE(log::level_named("loud"));
}
