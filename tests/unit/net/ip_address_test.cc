#include "shared/net/ip_address.h"

#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "shared/base/random.h"

namespace sluice::net {

namespace {

IpAddress ip(std::string_view text) {
  const auto parsed = parse_ip(text);
  REQUIRE_MESSAGE(parsed, text);
  return *parsed;
}

}  // namespace

TEST_CASE("addresses are read and written back") {
  for (const char* text :
       {"0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "2001:db8::1", "fe80::1:2:3:4"}) {
    CAPTURE(text);
    CHECK(ip(text).text() == text);
  }
  CHECK(ip("192.0.2.1").is_v4());
  CHECK(!ip("::1").is_v4());
  // A peer of a socket that takes both kinds.
  CHECK(ip("::ffff:192.0.2.1") == ip("192.0.2.1"));
}

TEST_CASE("what is not an address") {
  for (const std::string_view text :
       {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4:80", "[::1]", ":::", "fe80::1%eth0",
        "localhost", "unknown", " 1.2.3.4", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"}) {
    CAPTURE(text);
    CHECK(!parse_ip(text));
  }
  CHECK(!parse_ip(std::string_view("1.2.3.4\0", 8)));
}

TEST_CASE("the address of a peer") {
  struct Row {
    const char* text;
    const char* address;  // null: none
  };
  const std::array rows{
      Row{"192.0.2.1:53211", "192.0.2.1"},
      Row{"192.0.2.1", "192.0.2.1"},
      Row{"[2001:db8::1]:443", "2001:db8::1"},
      Row{"[2001:db8::1]", "2001:db8::1"},
      Row{"2001:db8::1", "2001:db8::1"},
      Row{"[::ffff:192.0.2.1]:80", "192.0.2.1"},
      Row{"[2001:db8::1", nullptr},
      Row{"memory", nullptr},
      Row{":80", nullptr},
      Row{"", nullptr},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto address = parse_ip_of_peer(row.text);
    REQUIRE(address.has_value() == (row.address != nullptr));
    if (address) CHECK(address->text() == row.address);
  }
}

TEST_CASE("what a network contains") {
  struct Row {
    const char* network;
    const char* address;
    bool contained;
  };
  const std::array rows{
      Row{"10.0.0.0/8", "10.255.0.1", true},
      Row{"10.0.0.0/8", "11.0.0.1", false},
      Row{"192.0.2.128/25", "192.0.2.128", true},
      Row{"192.0.2.128/25", "192.0.2.127", false},
      Row{"192.0.2.7", "192.0.2.7", true},
      Row{"192.0.2.7", "192.0.2.6", false},
      Row{"0.0.0.0/0", "203.0.113.9", true},
      Row{"0.0.0.0/0", "2001:db8::1", false},
      Row{"::/0", "203.0.113.9", true},
      Row{"2001:db8::/33", "2001:db8:7fff::1", true},
      Row{"2001:db8::/33", "2001:db8:8000::1", false},
      Row{"::1", "::1", true},
      Row{"::1/128", "::2", false},
      Row{"::ffff:10.0.0.0/104", "10.1.2.3", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.network);
    CAPTURE(row.address);
    const auto network = parse_network(row.network);
    REQUIRE(network);
    CHECK(network->contains(ip(row.address)) == row.contained);
  }
}

TEST_CASE("what is not a network is refused with a reason") {
  for (const char* text : {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.0/8x",
                           "10.0.0.1/8", "::1/64", "::/129", "loopback", "10.0.0.0/8/8"}) {
    CAPTURE(text);
    const auto parsed = parse_network(text);
    REQUIRE(!parsed);
    CHECK(parsed.error().code == Code::invalid);
    CHECK(parsed.error().context.find(text) != std::string::npos);
  }
}

TEST_CASE("a network contains what agrees with it in each of its bits") {
  SeededRandom random(7);
  for (int round = 0; round < 20'000; ++round) {
    const auto bits = static_cast<int>(random.below(129));
    IpAddress first;
    IpAddress other;
    bool agrees = true;
    for (int bit = 0; bit < 128; ++bit) {
      const auto byte = static_cast<std::size_t>(bit / 8);
      const auto mask = static_cast<std::uint8_t>(0x80 >> bit % 8);
      const bool set = bit < bits && random.below(2) == 1;
      // Seldom another bit, so that many differ in one alone.
      const bool flipped = random.below(bit < bits ? 128 : 2) == 0;
      if (set) first.bytes[byte] |= mask;
      if (set != flipped) other.bytes[byte] |= mask;
      agrees = agrees && (bit >= bits || !flipped);
    }
    if (first.is_v4()) continue;  // written as IPv4, it would have another prefix
    const auto network = parse_network(first.text() + "/" + std::to_string(bits));
    REQUIRE(network);
    CHECK(network->contains(other) == agrees);
  }
}

}  // namespace sluice::net
