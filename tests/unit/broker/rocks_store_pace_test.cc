#include "broker/log/rocks_store_pace.h"

#include <chrono>

#include <doctest/doctest.h>

namespace sluice::broker {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""ns;

constexpr std::int64_t kMiB = 1 << 20;

TEST_CASE("a flush is spread over half the time that its segment took to fill") {
  CHECK(flush_bytes_per_second(64 * kMiB, 1s) == 128 * kMiB);
  CHECK(flush_bytes_per_second(64 * kMiB, 500ms) == 256 * kMiB);
  CHECK(flush_bytes_per_second(10 * kMiB, 100ms) == 200 * kMiB);
}

TEST_CASE("the pace of a flush is never below 64 MiB/s, and finite") {
  CHECK(flush_bytes_per_second(64 * kMiB, 24h) == 64 * kMiB);
  CHECK(flush_bytes_per_second(0, 1s) == 64 * kMiB);
  CHECK(flush_bytes_per_second(64 * kMiB, 0s) == 16 * 1024 * kMiB);
  CHECK(flush_bytes_per_second(64 * kMiB, 1ns) == 16 * 1024 * kMiB);
}

}  // namespace
}  // namespace sluice::broker
