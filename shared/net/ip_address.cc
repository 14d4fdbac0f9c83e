#include "shared/net/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

namespace sluice::net {
namespace {

constexpr std::array<std::uint8_t, 12> kV4Prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr int kBits = 128;
constexpr int kV4Bits = 32;

std::string_view before_port(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    return end == text.npos ? std::string_view() : text.substr(1, end - 1);
  }
  const auto colon = text.find(':');
  // Two colons or more, and no brackets: IPv6 without a port.
  return colon != text.npos && colon == text.rfind(':') ? text.substr(0, colon) : text;
}

bool is_zero_from(const IpAddress& address, int bit) {
  for (int at = bit; at < kBits; ++at) {
    const auto byte = address.bytes[static_cast<std::size_t>(at / 8)];
    if ((byte >> (7 - at % 8) & 1) != 0) return false;
  }
  return true;
}

}  // namespace

bool IpAddress::is_v4() const {
  return std::equal(kV4Prefix.begin(), kV4Prefix.end(), bytes.begin());
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = is_v4();
  inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data() + (v4 ? kV4Prefix.size() : 0), text.data(),
            text.size());
  return text.data();
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> copy{};  // with the end that inet_pton needs
  if (text.size() >= copy.size() || text.find('\0') != text.npos) return std::nullopt;
  std::ranges::copy(text, copy.begin());
  IpAddress address;
  if (inet_pton(AF_INET6, copy.data(), address.bytes.data()) == 1) return address;
  std::ranges::copy(kV4Prefix, address.bytes.begin());
  if (inet_pton(AF_INET, copy.data(), address.bytes.data() + kV4Prefix.size()) == 1) return address;
  return std::nullopt;
}

std::optional<IpAddress> parse_ip_of_peer(std::string_view text) {
  return parse_ip(before_port(text));
}

bool IpNetwork::contains(const IpAddress& address) const {
  const auto whole = static_cast<std::size_t>(prefix_bits_ / 8);
  if (std::memcmp(address.bytes.data(), first_.bytes.data(), whole) != 0) return false;
  const int rest = prefix_bits_ % 8;
  return rest == 0 || (address.bytes[whole] ^ first_.bytes[whole]) >> (8 - rest) == 0;
}

Result<IpNetwork> parse_network(std::string_view text) {
  const auto wrong = [text](std::string_view why) {
    return fail(Code::invalid, fmt::format("\"{}\" is not a network: {}", text, why));
  };
  const auto slash = text.find('/');
  const auto address = parse_ip(text.substr(0, slash));
  if (!address) return wrong("it must be like 10.0.0.0/8 or 2001:db8::/32");
  const bool v4 = address->is_v4() && text.find(':') == text.npos;
  const int most = v4 ? kV4Bits : kBits;
  int bits = most;
  if (slash != text.npos) {
    const std::string_view number = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), bits);
    const bool whole = error == std::errc() && end == number.data() + number.size();
    if (!whole || bits < 0 || bits > most) {
      return wrong(fmt::format("the prefix must be from 0 to {}", most));
    }
  }
  IpNetwork network;
  network.first_ = *address;
  network.prefix_bits_ = v4 ? bits + kBits - kV4Bits : bits;
  if (!is_zero_from(network.first_, network.prefix_bits_)) {
    return wrong("it has bits behind its prefix");
  }
  return network;
}

}  // namespace sluice::net
