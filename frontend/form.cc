#include "frontend/form.h"

#include <algorithm>

#include <fmt/format.h>

namespace sluice::frontend {
namespace {

bool stays(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

}  // namespace

bool is_form(const http::Request& request) {
  const ByteView type = request.header("Content-Type").value_or(ByteView());
  ByteView name = type.substr(0, type.find(';'));
  while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
  return http::equal_ignoring_case(name, "application/x-www-form-urlencoded");
}

std::optional<std::string> form_value(ByteView body, std::string_view name) {
  while (!body.empty()) {
    const auto end = std::min(body.find('&'), body.size());
    const ByteView field = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    const auto equals = std::min(field.find('='), field.size());
    if (field.substr(0, equals) != name) continue;
    std::string value(field.substr(std::min(equals + 1, field.size())));
    std::ranges::replace(value, '+', ' ');
    return http::percent_decode(value);
  }
  return std::nullopt;
}

std::string percent_encode(ByteView text) {
  std::string encoded;
  for (const char c : text) {
    if (stays(c)) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace sluice::frontend
