#pragma once
// HostPort: where to listen or connect, as people write it: "127.0.0.1:9092", "localhost:80",
// "[::1]:8080".

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace sluice::net {

struct HostPort {
  std::string host;  // a name or an address, IPv6 without the brackets
  std::uint16_t port = 0;

  // The form that parse_host_port() reads.
  std::string text() const;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// Both parts are required; port 0 (a free one, when listening) is allowed.
Result<HostPort> parse_host_port(std::string_view text);

// For a program's configuration: the error begins with the option's name.
Result<void> check_host_port(std::string_view option, std::string_view text);

}  // namespace sluice::net
