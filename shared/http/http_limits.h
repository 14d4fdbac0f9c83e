#pragma once
// What one HTTP client may make the server keep, and for how long.

#include <cstddef>

#include "shared/base/clock.h"

namespace sluice::http {

struct Limits {
  // Request line and headers. Browsers with large cookies stay below 8 KiB; more is answered 431.
  std::size_t header_bytes_max = 16 << 10;
  // The request target; more is answered 414.
  std::size_t target_bytes_max = 8 << 10;
  // A body is kept in memory whole: an order is some hundred bytes. More is answered 413.
  std::size_t body_bytes_max = 64 << 10;
  // Open connections of one loop, some 8 KiB each; the next is answered 503 and closed.
  std::size_t connections_max = 16 << 10;
  // Requests of one connection that wait for their answer; at it the connection is not read.
  std::size_t pipeline_max = 64;
  // From the first byte of a request (or the connection's start) to the end of its headers: 408.
  Millis header_timeout{10'000};
  // From the end of the headers to the end of the body: 408.
  Millis body_timeout{30'000};
  // Between requests. Long, because a new connection costs more than an idle one.
  Millis idle_timeout{75'000};
  // How long the peer may leave our answers unread.
  Millis write_timeout{30'000};
  // After the last answer the connection is read until the peer closes it, so that the answer is
  // not lost to a reset.
  Millis linger_timeout{2'000};
};

}  // namespace sluice::http
