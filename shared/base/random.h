#pragma once
// Randomness comes from here and nowhere else, so that a simulation replays by its seed.

#include <cstdint>
#include <random>
#include <string>

#include "shared/base/bytes.h"

namespace sluice {

// Not thread-safe: one per thread or per owner.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;

  // Uniform in [0, bound). REQUIRES: bound > 0. The bias below 2^-32 does not matter here.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
};

// From the operating system: ids that must not collide across processes and restarts.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override {
    return (static_cast<std::uint64_t>(device_()) << 32) | device_();
  }

 private:
  std::random_device device_;
};

// A seeded sequence, the same on every machine.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

// A version 4 UUID (RFC 9562) as its 16 bytes.
inline Buffer random_uuid(Random& random) {
  Buffer bytes;
  append_be(bytes, random.next());
  append_be(bytes, random.next());
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  return bytes;
}

// The same as people read it: 8-4-4-4-12 lower-case hex digits. REQUIRES: 16 bytes.
inline std::string uuid_text(ByteView bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

}  // namespace sluice
