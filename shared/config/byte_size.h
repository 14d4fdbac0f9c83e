#pragma once
// ByteSize: an amount of memory or disk as operators write it (64KiB, 1MiB), kept as bytes. A type
// of its own so that an option's target says how its text is read.

#include <compare>
#include <cstdint>

namespace sluice::config {

struct ByteSize {
  std::int64_t bytes = 0;

  friend constexpr auto operator<=>(ByteSize, ByteSize) = default;
  static constexpr ByteSize kib(std::int64_t n) { return {n * 1024}; }
  static constexpr ByteSize mib(std::int64_t n) { return {n * 1024 * 1024}; }
  static constexpr ByteSize gib(std::int64_t n) { return {n * 1024 * 1024 * 1024}; }
};

}  // namespace sluice::config
