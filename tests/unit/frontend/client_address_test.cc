#include "frontend/client_address.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace sluice::frontend {

namespace {

using Kind = ClientAddress::Header;

std::string seen(Kind kind, std::string_view peer, const std::vector<http::Header>& headers) {
  std::vector<net::IpNetwork> proxies;
  for (const char* text : {"10.0.0.0/8", "::1"}) proxies.push_back(*net::parse_network(text));
  http::Request request;
  request.peer = peer;
  for (const http::Header& header : headers) request.header_array[request.header_count++] = header;
  const auto address = ClientAddress(std::move(proxies), kind).of(request);
  return address ? address->text() : "none";
}

}  // namespace

TEST_CASE("X-Forwarded-For is believed from proxies of ours, as far as they vouch for it") {
  struct Row {
    const char* peer;
    std::vector<http::Header> headers;
    const char* client;
  };
  const std::string_view xff = "X-Forwarded-For";
  const Row rows[] = {
      {"203.0.113.9:1234", {}, "203.0.113.9"},
      {"[2001:db8::7]:1234", {}, "2001:db8::7"},
      {"memory", {}, "none"},
      // Not a proxy: it may say what it likes.
      {"203.0.113.9:1234", {{xff, "198.51.100.1"}}, "203.0.113.9"},
      {"10.0.0.1:80", {{xff, "198.51.100.1"}}, "198.51.100.1"},
      {"[::1]:80", {{"x-forwarded-for", "198.51.100.1:4711"}}, "198.51.100.1"},
      {"10.0.0.1:80", {{xff, "2001:db8::1"}}, "2001:db8::1"},
      {"10.0.0.1:80", {{xff, "[2001:db8::1]:4711"}}, "2001:db8::1"},
      // What stands before the first stranger is the stranger's own word.
      {"10.0.0.1:80", {{xff, "1.1.1.1, 198.51.100.1,10.0.0.2"}}, "198.51.100.1"},
      {"10.0.0.1:80", {{xff, "1.1.1.1"}, {"Host", "shop"}, {xff, "198.51.100.1"}}, "198.51.100.1"},
      {"10.0.0.1:80", {{xff, "198.51.100.1"}, {xff, "10.0.0.2 , 10.0.0.3"}}, "198.51.100.1"},
      // All are ours: the farthest is the client.
      {"10.0.0.1:80", {{xff, "10.0.0.7, 10.0.0.2"}}, "10.0.0.7"},
      // Who is hidden counts as the proxy that hides him.
      {"10.0.0.1:80", {{xff, "198.51.100.1, unknown"}}, "10.0.0.1"},
      {"10.0.0.1:80", {{xff, "198.51.100.1, , 10.0.0.2"}}, "10.0.0.2"},
      {"10.0.0.1:80", {{xff, ""}}, "10.0.0.1"},
      {"10.0.0.1:80", {}, "10.0.0.1"},
      // The other header is the client's.
      {"10.0.0.1:80", {{"Forwarded", "for=198.51.100.1"}}, "10.0.0.1"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.peer);
    for (const auto& header : row.headers) CAPTURE(std::string(header.value));
    CHECK(seen(Kind::x_forwarded_for, row.peer, row.headers) == row.client);
  }
}

TEST_CASE("Forwarded (RFC 7239)") {
  struct Row {
    const char* value;
    const char* client;
  };
  const Row rows[] = {
      {"for=198.51.100.1", "198.51.100.1"},
      {"For=\"198.51.100.1:4711\"", "198.51.100.1"},
      {"for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"},
      {"by=10.0.0.1;for=198.51.100.1;proto=https", "198.51.100.1"},
      {"proto=https ; FOR=198.51.100.1", "198.51.100.1"},
      {"for=1.1.1.1, for=198.51.100.1, for=10.0.0.2", "198.51.100.1"},
      {"for=198.51.100.1, for=_hidden", "10.0.0.9"},
      {"for=198.51.100.1, proto=https", "10.0.0.9"},
      {"198.51.100.1", "10.0.0.9"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.value);
    CHECK(seen(Kind::forwarded, "10.0.0.9:80", {{"Forwarded", row.value}}) == row.client);
  }
  CHECK(seen(Kind::forwarded, "10.0.0.9:80", {{"X-Forwarded-For", "198.51.100.1"}}) == "10.0.0.9");
}

}  // namespace sluice::frontend
