#pragma once
// XXH64 with seed 0, written from its specification (xxHash fast digest algorithm, version 0.1.1):
// fast, well spread, and the same everywhere and for ever, so its values may be stored. No defence
// against people who look for collisions.

#include <bit>
#include <cstdint>
#include <cstring>

#include "shared/base/bytes.h"

namespace sluice {

namespace xxh64_parts {

inline constexpr std::uint64_t kPrime1 = 0x9E3779B185EBCA87;
inline constexpr std::uint64_t kPrime2 = 0xC2B2AE3D27D4EB4F;
inline constexpr std::uint64_t kPrime3 = 0x165667B19E3779F9;
inline constexpr std::uint64_t kPrime4 = 0x85EBCA77C2B2AE63;
inline constexpr std::uint64_t kPrime5 = 0x27D4EB2F165667C5;
inline constexpr std::size_t kStripeBytes = 32;

template <class T>
std::uint64_t load_le(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (std::endian::native == std::endian::big) value = std::byteswap(value);
  return value;
}

constexpr std::uint64_t round(std::uint64_t lane, std::uint64_t input) {
  return std::rotl(lane + input * kPrime2, 31) * kPrime1;
}

// Takes whole stripes off the front.
inline std::uint64_t stripes(ByteView& bytes) {
  std::uint64_t lanes[] = {kPrime1 + kPrime2, kPrime2, 0, 0 - kPrime1};
  for (; bytes.size() >= kStripeBytes; bytes.remove_prefix(kStripeBytes)) {
    for (std::size_t i = 0; i < 4; ++i) {
      lanes[i] = round(lanes[i], load_le<std::uint64_t>(bytes.data() + 8 * i));
    }
  }
  std::uint64_t hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) +
                       std::rotl(lanes[3], 18);
  for (const std::uint64_t lane : lanes) hash = (hash ^ round(0, lane)) * kPrime1 + kPrime4;
  return hash;
}

}  // namespace xxh64_parts

inline std::uint64_t xxh64(ByteView bytes) {
  using namespace xxh64_parts;
  const std::uint64_t size = bytes.size();
  std::uint64_t hash = (size < kStripeBytes ? kPrime5 : stripes(bytes)) + size;
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    hash ^= round(0, load_le<std::uint64_t>(bytes.data()));
    hash = std::rotl(hash, 27) * kPrime1 + kPrime4;
  }
  if (bytes.size() >= 4) {
    hash ^= load_le<std::uint32_t>(bytes.data()) * kPrime1;
    hash = std::rotl(hash, 23) * kPrime2 + kPrime3;
    bytes.remove_prefix(4);
  }
  for (const char byte : bytes) {
    hash ^= static_cast<unsigned char>(byte) * kPrime5;
    hash = std::rotl(hash, 11) * kPrime1;
  }
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

}  // namespace sluice
