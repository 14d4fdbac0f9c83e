#include "frontend/shuffle.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "shared/base/check.h"
#include "shared/crypto/sha256.h"

namespace sluice::frontend {
namespace {

// Each bit of what comes in changes half of what goes out (splitmix64's finaliser).
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
  x = (x ^ x >> 27) * 0x94d049bb133111ebU;
  return x ^ x >> 31;
}

// Little-endian on every machine.
std::uint64_t key_of(ByteView secret, std::size_t round) {
  const Sha256 digest = sha256(fmt::format("shuffle {}:{}", round, secret));
  std::uint64_t key = 0;
  for (std::size_t i = 0; i < sizeof key; ++i) key |= std::uint64_t{digest[i]} << 8 * i;
  return key;
}

}  // namespace

Shuffle::Shuffle(ByteView secret, std::int64_t size) : size_(size) {
  CHECK(size >= 0);
  const auto last = static_cast<std::uint64_t>(std::max<std::int64_t>(size - 1, 1));
  half_bits_ = (static_cast<unsigned>(std::bit_width(last)) + 1) / 2;
  for (std::size_t round = 0; round < kRounds; ++round) keys_[round] = key_of(secret, round);
}

std::uint64_t Shuffle::walk(std::uint64_t value) const {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t left = value >> half_bits_;
  std::uint64_t right = value & mask;
  for (const std::uint64_t key : keys_) {
    const std::uint64_t next = left ^ (mixed(right ^ key) & mask);
    left = right;
    right = next;
  }
  return left << half_bits_ | right;
}

// What is permuted has fewer than four times as many values as there are numbers, so this ends
// after two steps or three as a rule; and surely, because each value is on a cycle.
std::int64_t Shuffle::place_of(std::int64_t number) const {
  CHECK(number >= 0 && number < size_);
  auto value = static_cast<std::uint64_t>(number);
  do {
    value = walk(value);
  } while (value >= static_cast<std::uint64_t>(size_));
  return static_cast<std::int64_t>(value);
}

}  // namespace sluice::frontend
