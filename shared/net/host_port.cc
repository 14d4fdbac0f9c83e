#include "shared/net/host_port.h"

#include <fmt/format.h>

#include <charconv>

namespace sluice::net {

std::string HostPort::text() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Result<HostPort> parse_host_port(std::string_view text) {
  const auto wrong = [text](std::string_view why) {
    return fail(Code::invalid, fmt::format("\"{}\" is not host:port: {}", text, why));
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong("the port is missing");
  auto host = text.substr(0, colon);
  const auto port_text = text.substr(colon + 1);
  if (host.starts_with('[')) {
    if (host.size() < 3 || !host.ends_with(']')) return wrong("the brackets do not match");
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return wrong("an IPv6 address needs brackets, as in [::1]:80");
  }
  if (host.empty()) return wrong("the host is missing (0.0.0.0 means every interface)");
  if (host.find_first_of("[] \t") != std::string_view::npos) {
    return wrong("the host has a character that none can have");
  }
  std::uint16_t port = 0;
  const auto* end = port_text.data() + port_text.size();
  const auto [stop, error] = std::from_chars(port_text.data(), end, port);
  if (error != std::errc() || stop != end) return wrong("the port is not a number up to 65535");
  return HostPort{std::string(host), port};
}

Result<void> check_host_port(std::string_view option, std::string_view text) {
  const auto parsed = parse_host_port(text);
  if (parsed) return {};
  return fail(Code::invalid, fmt::format("{}: {}", option, parsed.error().context));
}

}  // namespace sluice::net
