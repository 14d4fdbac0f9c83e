#pragma once
// IpAddress and IpNetwork: addresses as bytes, to be compared, counted and matched. IPv4 is kept as
// IPv4-mapped IPv6 (RFC 4291), so a peer is the same whichever kind of socket accepted it. Pure.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace sluice::net {

struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  bool is_v4() const;
  // "192.0.2.1" or "2001:db8::1".
  std::string text() const;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
};

// Only an address: no port, no brackets, no zone.
std::optional<IpAddress> parse_ip(std::string_view text);

// The address of "192.0.2.1:80", "[2001:db8::1]:80", or of the same without a port: as sockets name
// their peers and as proxies name their clients.
std::optional<IpAddress> parse_ip_of_peer(std::string_view text);

class IpNetwork {
 public:
  bool contains(const IpAddress& address) const;

 private:
  friend Result<IpNetwork> parse_network(std::string_view text);
  IpAddress first_;
  int prefix_bits_ = 0;  // of the 128
};

// "10.0.0.0/8", "2001:db8::/32", or an address, which is a network of one. Bits behind the prefix
// must be zero: "10.0.0.1/8" is a mistake of whoever wrote it.
Result<IpNetwork> parse_network(std::string_view text);

}  // namespace sluice::net
