#include "frontend/client_address.h"

#include <algorithm>
#include <ranges>
#include <string_view>

namespace sluice::frontend {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  const auto first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.starts_with('"') && text.ends_with('"');
  return quoted ? text.substr(1, text.size() - 2) : text;
}

// The `for` of one element of Forwarded (RFC 7239): for="[2001:db8::1]:443";proto=https.
std::string_view forwarded_for(std::string_view element) {
  constexpr std::string_view kFor = "for=";
  for (const auto part : std::views::split(element, ';')) {
    const std::string_view pair = trimmed(std::string_view(part.begin(), part.end()));
    if (!http::equal_ignoring_case(pair.substr(0, kFor.size()), kFor)) continue;
    return unquoted(trimmed(pair.substr(kFor.size())));
  }
  return {};
}

// Takes the last element of a list, whose elements have no comma inside.
std::string_view take_last(std::string_view& list) {
  const auto comma = list.rfind(',');
  const std::string_view last = comma == list.npos ? list : list.substr(comma + 1);
  list = comma == list.npos ? std::string_view() : list.substr(0, comma);
  return trimmed(last);
}

}  // namespace

bool ClientAddress::trusts(const net::IpAddress& address) const {
  return std::ranges::any_of(
      trusted_, [&](const net::IpNetwork& network) { return network.contains(address); });
}

// From the nearest hop to the farthest: header lines of one name are one list (RFC 9110), to which
// each hop appends. Who is unknown or hidden behind a proxy counts as that proxy.
std::optional<net::IpAddress> ClientAddress::of(const http::Request& request) const {
  auto address = net::parse_ip_of_peer(request.peer);
  if (!address || !trusts(*address)) return address;
  const bool standard = header_ == Header::forwarded;
  const std::string_view name = standard ? "Forwarded" : "X-Forwarded-For";
  for (const http::Header& line : std::views::reverse(request.headers())) {
    if (!http::equal_ignoring_case(line.name, name)) continue;
    std::string_view list = line.value;
    while (!list.empty()) {
      const std::string_view element = take_last(list);
      const auto hop = net::parse_ip_of_peer(standard ? forwarded_for(element) : element);
      if (!hop) return address;
      address = hop;
      if (!trusts(*hop)) return address;
    }
  }
  return address;
}

}  // namespace sluice::frontend
