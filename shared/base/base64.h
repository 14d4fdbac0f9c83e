#pragma once
// Base64 (RFC 4648): base64() with the standard alphabet and padding (section 4); base64url() with
// the one that is safe in URLs and header fields, without padding (section 5), as RFC 7515 writes
// signed tokens.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "shared/base/bytes.h"

namespace sluice {

class Base64Digits {
 public:
  consteval explicit Base64Digits(std::string_view alphabet) : alphabet_(alphabet) {
    values_.fill(kNone);
    for (std::uint8_t i = 0; i < kNone; ++i) {
      values_[static_cast<unsigned char>(alphabet[i])] = i;
    }
  }

  // Without padding.
  std::string encode(ByteView bytes) const {
    std::string text;
    text.reserve((bytes.size() * 4 + 2) / 3);
    std::uint32_t bits = 0;
    int count = 0;
    for (const char byte : bytes) {
      bits = (bits << 8) | static_cast<unsigned char>(byte);
      count += 8;
      while (count >= 6) {
        count -= 6;
        text += alphabet_[(bits >> count) & 63];
      }
    }
    if (count > 0) text += alphabet_[(bits << (6 - count)) & 63];
    return text;
  }

  // The bytes of `text` into `to`; how many, or nothing unless it is what encode() makes of bytes
  // that fit. Allocates nothing.
  std::optional<std::size_t> decode(std::string_view text, std::span<char> to) const {
    if (text.size() % 4 == 1 || text.size() * 3 / 4 > to.size()) return std::nullopt;
    std::size_t size = 0;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char digit : text) {
      const std::uint8_t value = values_[static_cast<unsigned char>(digit)];
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

  std::optional<Buffer> decode(std::string_view text) const {
    Buffer bytes(text.size() * 3 / 4, '\0');
    const auto size = decode(text, bytes);
    if (!size) return std::nullopt;
    bytes.resize(*size);
    return bytes;
  }

 private:
  static constexpr std::uint8_t kNone = 64;

  std::string_view alphabet_;
  std::array<std::uint8_t, 256> values_{};
};

inline constexpr Base64Digits kBase64(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
inline constexpr Base64Digits kBase64Url(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

inline std::string base64(ByteView bytes) {
  std::string text = kBase64.encode(bytes);
  while (text.size() % 4 != 0) text += '=';
  return text;
}

// Nothing unless it is what base64() makes.
inline std::optional<Buffer> from_base64(std::string_view text) {
  const std::string_view digits = text.substr(0, text.find('='));
  const std::string_view padding = text.substr(digits.size());
  if (text.size() % 4 != 0 || !std::string_view("==").starts_with(padding)) return std::nullopt;
  return kBase64.decode(digits);
}

inline std::string base64url(ByteView bytes) {
  return kBase64Url.encode(bytes);
}

// Nothing unless it is what base64url() makes.
inline std::optional<Buffer> from_base64url(std::string_view text) {
  return kBase64Url.decode(text);
}

// The same into `to`, where it has to fit; how many bytes. Allocates nothing.
inline std::optional<std::size_t> decode_base64url(std::string_view text, std::span<char> to) {
  return kBase64Url.decode(text, to);
}

}  // namespace sluice
