#pragma once
// Base64 with the standard alphabet and padding (RFC 4648 section 4).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/bytes.h"

namespace sluice {

inline constexpr std::string_view kBase64Alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline std::string base64(ByteView bytes) {
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char byte : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(byte);
    count += 8;
    while (count >= 6) {
      count -= 6;
      text += kBase64Alphabet[(bits >> count) & 63];
    }
  }
  if (count > 0) text += kBase64Alphabet[(bits << (6 - count)) & 63];
  while (text.size() % 4 != 0) text += '=';
  return text;
}

// Nothing unless it is what base64() makes.
inline std::optional<Buffer> from_base64(std::string_view text) {
  Buffer bytes;
  std::uint32_t bits = 0;
  int count = 0;
  const std::string_view digits = text.substr(0, text.find('='));
  for (const char digit : digits) {
    const auto value = kBase64Alphabet.find(digit);
    if (value == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>((bits >> count) & 0xff);
  }
  if (base64(bytes) != text) return std::nullopt;
  return bytes;
}

}  // namespace sluice
