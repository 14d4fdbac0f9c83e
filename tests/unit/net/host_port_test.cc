#include "shared/net/host_port.h"

#include <doctest/doctest.h>

namespace sluice::net {

TEST_CASE("host:port is read and written back") {
  struct Row {
    const char* text;
    HostPort expected;
  };
  const Row rows[] = {
      {"127.0.0.1:9092", {"127.0.0.1", 9092}},
      {"localhost:0", {"localhost", 0}},
      {"[::1]:80", {"::1", 80}},
      {"0.0.0.0:65535", {"0.0.0.0", 65535}},
      {"a.b-c.example:1", {"a.b-c.example", 1}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto parsed = parse_host_port(row.text);
    REQUIRE(parsed);
    CHECK_EQ(*parsed, row.expected);
    CHECK_EQ(parsed->text(), row.text);
  }
}

TEST_CASE("what is not host:port is refused with a reason") {
  for (const char* text : {"", "host", ":80", "host:", "host:65536", "host:-1", "host:8o", "::1:80",
                           "[::1:80", "[]:80", "a b:80", "host: 80", "[::1]80"}) {
    CAPTURE(text);
    const auto parsed = parse_host_port(text);
    REQUIRE_FALSE(parsed);
    CHECK_EQ(parsed.error().code, Code::invalid);
    CHECK(parsed.error().context.find("is not host:port") != std::string::npos);
  }
}

}  // namespace sluice::net
