#include "shared/http/request.h"

#include <algorithm>
#include <charconv>

namespace sluice::http {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

}  // namespace

bool equal_ignoring_case(ByteView a, ByteView b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string> percent_decode(ByteView text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    unsigned value = 0;
    const char* digits = text.data() + i + 1;
    const auto [stop, error] = std::from_chars(digits, digits + 2, value, 16);
    if (error != std::errc() || stop != digits + 2) return std::nullopt;
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

std::optional<ByteView> Request::header(ByteView name) const {
  for (const auto& header : headers()) {
    if (equal_ignoring_case(header.name, name)) return header.value;
  }
  return std::nullopt;
}

ByteView Request::param(ByteView name) const {
  for (std::size_t i = 0; i < param_count; ++i) {
    if (param_array[i].name == name) return param_array[i].value;
  }
  return {};
}

std::optional<ByteView> Request::query_value(ByteView name) const {
  ByteView rest = query;
  while (!rest.empty()) {
    const auto pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const auto key = pair.substr(0, pair.find('='));
    if (key == name) return pair.substr(std::min(pair.size(), key.size() + 1));
  }
  return std::nullopt;
}

}  // namespace sluice::http
