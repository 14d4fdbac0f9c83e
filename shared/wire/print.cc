#include "shared/wire/print.h"

namespace sluice::wire {

void Print::begin(std::string_view name) {
  if (to_.back() != '{') to_ += ", ";
  to_ += name;
  to_ += ": ";
}

void Print::put_bytes(ByteView value) {
  if (value.size() <= kShownBytes) return quote(value);
  quote(value.substr(0, kShownBytes));
  to_ += " of " + std::to_string(value.size()) + " bytes";
}

void Print::quote(ByteView text) {
  static constexpr char kHex[] = "0123456789abcdef";
  to_ += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      to_ += '\\';
      to_ += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      to_ += "\\x";
      to_ += kHex[byte >> 4];
      to_ += kHex[byte & 15];
    } else {
      to_ += c;
    }
  }
  to_ += '"';
}

}  // namespace sluice::wire
