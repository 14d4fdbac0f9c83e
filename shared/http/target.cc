#include "shared/http/target.h"

#include <algorithm>

#include "shared/http/request.h"

namespace sluice::http {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Of a registered name, an IPv4 address, or an IP literal between its brackets.
bool is_host_character(char c) {
  static constexpr std::string_view kPunctuation = "-._~!$&'()*+,;=%";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
         kPunctuation.find(c) != std::string_view::npos;
}

bool escapes_are_whole(ByteView text) {
  for (auto at = text.find('%'); at != ByteView::npos; at = text.find('%', at + 3)) {
    if (text.size() - at < 3 || !is_hex_digit(text[at + 1]) || !is_hex_digit(text[at + 2])) {
      return false;
    }
  }
  return true;
}

// What stands behind the authority; empty if there is no authority with a host.
std::optional<ByteView> behind_authority(ByteView target) {
  const auto colon = target.find("://");
  if (colon == ByteView::npos) return std::nullopt;
  const auto scheme = target.substr(0, colon);
  if (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https")) {
    return std::nullopt;
  }
  const auto rest = target.substr(colon + 3);
  const auto authority = rest.substr(0, rest.find_first_of("/?"));
  if (authority.empty() || authority.starts_with(':') || !is_host_and_port(authority)) {
    return std::nullopt;
  }
  return rest.substr(authority.size());
}

}  // namespace

bool is_host_and_port(ByteView text) {
  ByteView port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == ByteView::npos || end == 1) return false;
    const auto literal = text.substr(1, end - 1);
    const auto fits = [](char c) { return c == ':' || is_host_character(c); };
    if (!std::ranges::all_of(literal, fits)) return false;
    port = text.substr(end + 1);
  } else {
    const auto end = std::min(text.find(':'), text.size());
    if (!std::ranges::all_of(text.substr(0, end), is_host_character)) return false;
    port = text.substr(end);
  }
  if (port.empty()) return true;
  return port.front() == ':' && std::ranges::all_of(port.substr(1), is_digit);
}

std::optional<Target> split_target(ByteView method, ByteView target) {
  if (target == "*" && method == "OPTIONS") return Target{target, {}};
  if (target.find('#') != ByteView::npos || !escapes_are_whole(target)) return std::nullopt;
  if (!target.starts_with('/')) {
    const auto rest = behind_authority(target);
    if (!rest) return std::nullopt;
    target = *rest;
  }
  const auto question = std::min(target.find('?'), target.size());
  const auto path = target.substr(0, question);
  return Target{path.empty() ? ByteView("/") : path,
                target.substr(std::min(question + 1, target.size()))};
}

}  // namespace sluice::http
