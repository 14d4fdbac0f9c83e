#pragma once
// ClientAddress: from which address a request came. That is the socket's peer, unless the peer is a
// proxy of ours: then the proxy's header is believed, up to the first address that is not a proxy
// of ours. What stands further left in that header may be the client's own invention. Immutable;
// any thread.

#include <optional>
#include <vector>

#include "shared/http/request.h"
#include "shared/net/ip_address.h"

namespace sluice::frontend {

class ClientAddress {
 public:
  // The one header that the proxies set. Another one comes from the client as it likes.
  enum class Header { x_forwarded_for, forwarded };

  ClientAddress(std::vector<net::IpNetwork> trusted_proxies, Header header)
      : trusted_(std::move(trusted_proxies)), header_(header) {}

  // Nothing: the peer has no IP address.
  std::optional<net::IpAddress> of(const http::Request& request) const;

 private:
  bool trusts(const net::IpAddress& address) const;

  const std::vector<net::IpNetwork> trusted_;
  const Header header_;
};

}  // namespace sluice::frontend
