#pragma once
// Shuffle: a permutation of the numbers below a size, drawn by a secret. Where one number goes is
// computed from it alone, so nothing is kept for any number: a Feistel network over the smallest
// even count of bits, walked again for what falls outside (M. Luby, C. Rackoff 1988; J. Black,
// P. Rogaway 2002). Pure and immutable.

#include <array>
#include <cstdint>

#include "shared/base/bytes.h"

namespace sluice::frontend {

class Shuffle {
 public:
  // The same secret and size: the same permutation, on every machine and for ever.
  Shuffle(ByteView secret, std::int64_t size);

  std::int64_t size() const { return size_; }
  // REQUIRES: 0 <= number < size().
  std::int64_t place_of(std::int64_t number) const;

 private:
  static constexpr std::size_t kRounds = 8;

  std::uint64_t walk(std::uint64_t value) const;

  std::int64_t size_;
  unsigned half_bits_;
  std::array<std::uint64_t, kRounds> keys_;
};

}  // namespace sluice::frontend
