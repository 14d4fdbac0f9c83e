#include "shared/wire/io.h"

namespace sluice::wire {

std::uint64_t Reader::base128(unsigned bits) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < bits; shift += 7) {
    const auto byte = integer<std::uint8_t>();
    const std::uint64_t low = byte & 0x7fU;
    if (bits - shift < 7 && (low >> (bits - shift)) != 0) break;
    value |= low << shift;
    if (byte < 0x80) return value;
  }
  fail("the varint is too long");
  return 0;
}

}  // namespace sluice::wire
