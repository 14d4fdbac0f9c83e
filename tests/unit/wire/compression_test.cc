#include "shared/wire/compression.h"

#include <doctest/doctest.h>

#include <string>

#include "shared/base/random.h"

namespace sluice::wire {
namespace {

constexpr Compression kCodecs[] = {Compression::gzip, Compression::snappy, Compression::lz4,
                                   Compression::zstd};

Buffer text_of(std::size_t size) {
  Buffer text;
  for (std::size_t i = 0; text.size() < size; ++i) text += "record " + std::to_string(i * i) + ";";
  text.resize(size);
  return text;
}

TEST_CASE("what is compressed comes back") {
  for (const Compression codec : kCodecs) {
    CAPTURE(static_cast<int>(codec));
    for (const std::size_t size : {0UL, 1UL, 100UL, 32'768UL, 65'536UL, 300'000UL}) {
      CAPTURE(size);
      const Buffer text = text_of(size);
      const auto packed = compress(codec, text);
      REQUIRE(packed);
      const auto plain = decompress(codec, *packed);
      REQUIRE(plain);
      CHECK(*plain == text);
    }
  }
}

TEST_CASE("snappy may come without frames, as librdkafka sends it") {
  const Buffer bare(
      "\x0a\x24"
      "abcdefghij",
      12);  // length 10, a literal of 10
  const auto plain = decompress(Compression::snappy, bare);
  REQUIRE(plain);
  CHECK(*plain == "abcdefghij");
}

TEST_CASE("a bomb is too large, and its memory is never taken") {
  for (const Compression codec : kCodecs) {
    CAPTURE(static_cast<int>(codec));
    const auto packed = compress(codec, Buffer(8 << 20, 'x'));
    REQUIRE(packed);
    const auto plain = decompress(codec, *packed, 1 << 20);
    REQUIRE_FALSE(plain);
    CHECK(plain.error().code == Code::too_large);
  }
}

TEST_CASE("cut and flipped bytes are errors or other bytes, never a crash") {
  SeededRandom random(5);
  for (const Compression codec : kCodecs) {
    CAPTURE(static_cast<int>(codec));
    const auto packed = compress(codec, text_of(2'000));
    REQUIRE(packed);
    for (std::size_t size = 0; size + 1 < packed->size(); size += 7) {
      (void)decompress(codec, packed->substr(0, size), 1 << 20);
    }
    CHECK_FALSE(decompress(codec, packed->substr(0, packed->size() / 2), 1 << 20));
    for (int i = 0; i < 300; ++i) {
      Buffer bad = *packed;
      bad[random.below(bad.size())] ^= static_cast<char>(1 + random.below(255));
      (void)decompress(codec, bad, 1 << 20);
    }
  }
}

TEST_CASE("an unknown codec is unsupported") {
  CHECK(decompress(static_cast<Compression>(5), "x").error().code == Code::unsupported);
  CHECK(compress(static_cast<Compression>(7), "x").error().code == Code::unsupported);
}

}  // namespace
}  // namespace sluice::wire
