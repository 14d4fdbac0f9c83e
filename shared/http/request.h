#pragma once
// Request: one parsed HTTP/1.x request as views into the block of bytes that its connection
// received.
//
// Lifetime: handlers get a reference. It and all its views stay valid until the handler has
// returned and, if it returned a Task, until that Task has finished: a connection hands the whole
// block over to the unfinished Task and goes on with a new one, so nothing is copied or moved.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "shared/base/bytes.h"

namespace sluice::http {

struct Header {
  ByteView name;
  ByteView value;  // without the white space around it
};

// ASCII only, as header names and most tokens of HTTP are.
bool equal_ignoring_case(ByteView a, ByteView b);

// The bytes that %XX escapes stand for; empty if an escape is broken. A + stays a +.
std::optional<std::string> percent_decode(ByteView text);

struct Request {
  // More header fields than any browser or proxy chain sends; one more is answered 431.
  static constexpr std::size_t kHeadersMax = 64;
  static constexpr std::size_t kParamsMax = 4;

  ByteView peer;    // who sent it, as its stream names it: "127.0.0.1:53211"
  ByteView method;  // "GET"
  ByteView target;  // as sent: "/v1/orders/7?full=1"
  ByteView path;    // "/v1/orders/7", still percent-encoded
  ByteView query;   // "full=1"
  ByteView body;
  bool keep_alive = true;
  bool is_http_1_0 = false;
  std::array<Header, kHeadersMax> header_array;
  std::size_t header_count = 0;
  std::array<Header, kParamsMax> param_array;  // {name, value} of the route's {…}; by the router
  std::size_t param_count = 0;

  std::span<const Header> headers() const { return {header_array.data(), header_count}; }

  // The first header of that name.
  std::optional<ByteView> header(ByteView name) const;

  // What stands in the path where the route's pattern says {name}; still percent-encoded.
  // Empty if the pattern has no such part.
  ByteView param(ByteView name) const;

  // The value of `name=value` in the query, still percent-encoded.
  std::optional<ByteView> query_value(ByteView name) const;
};

}  // namespace sluice::http
