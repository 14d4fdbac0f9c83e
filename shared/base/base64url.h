#pragma once
// Base64 with the alphabet that is safe in URLs and header fields, without padding (RFC 4648
// section 5), as RFC 7515 writes signed tokens.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "shared/base/bytes.h"

namespace sluice {

inline constexpr std::string_view kBase64UrlAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

inline std::string base64url(ByteView bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int count = 0;
  for (const char byte : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(byte);
    count += 8;
    while (count >= 6) {
      count -= 6;
      text += kBase64UrlAlphabet[(bits >> count) & 63];
    }
  }
  if (count > 0) text += kBase64UrlAlphabet[(bits << (6 - count)) & 63];
  return text;
}

// The bytes of `text` into `to`; how many, or nothing unless it is what base64url() makes of bytes
// that fit. Allocates nothing.
inline std::optional<std::size_t> decode_base64url(std::string_view text, std::span<char> to) {
  static constexpr std::uint8_t kNone = 64;
  static constexpr auto kValues = [] {
    std::array<std::uint8_t, 256> values{};
    values.fill(kNone);
    for (std::uint8_t i = 0; i < kNone; ++i) {
      values[static_cast<unsigned char>(kBase64UrlAlphabet[i])] = i;
    }
    return values;
  }();
  if (text.size() % 4 == 1 || text.size() * 3 / 4 > to.size()) return std::nullopt;
  std::size_t size = 0;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char digit : text) {
    const std::uint8_t value = kValues[static_cast<unsigned char>(digit)];
    if (value == kNone) return std::nullopt;
    bits = (bits << 6) | value;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    to[size++] = static_cast<char>((bits >> count) & 0xff);
  }
  const bool canonical = (bits & ((1U << count) - 1)) == 0;  // no second text for the same bytes
  return canonical ? std::optional(size) : std::nullopt;
}

inline std::optional<Buffer> from_base64url(std::string_view text) {
  Buffer bytes(text.size() * 3 / 4, '\0');
  const auto size = decode_base64url(text, bytes);
  if (!size) return std::nullopt;
  bytes.resize(*size);
  return bytes;
}

}  // namespace sluice
