#pragma once
// Bytes as hexadecimal digits, lower case (RFC 4648 section 8).

#include <string>

#include "shared/base/bytes.h"

namespace sluice {

inline std::string hex(ByteView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    text += kDigits[value >> 4];
    text += kDigits[value & 15];
  }
  return text;
}

}  // namespace sluice
