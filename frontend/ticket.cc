#include "frontend/ticket.h"

#include <charconv>

#include <fmt/format.h>

#include "frontend/request_fields.h"
#include "shared/base/hex.h"
#include "shared/crypto/hmac.h"

namespace sluice::frontend {
namespace {

constexpr std::int64_t kLifeSeconds = 86'400;
// Of the largest number there is.
constexpr std::size_t kNumberChars = 19;

// The fields in front cannot have the line ends that part them.
std::string signature(ByteView secret, std::string_view sale, std::string_view user,
                      std::int64_t number) {
  return hex(bytes_of(hmac_sha256(secret, fmt::format("ticket\n{}\n{}\n{}", number, sale, user))));
}

std::string cookie_name(std::string_view sale) {
  return fmt::format("sluice-ticket-{}", sale);
}

// Not Secure: the service itself speaks HTTP, and an edge that speaks TLS may add that.
std::string cookie(std::string_view sale, std::string_view value, std::int64_t life) {
  return fmt::format("{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax", cookie_name(sale), value,
                     life);
}

}  // namespace

std::string ticket_text(ByteView secret, std::string_view sale, std::string_view user,
                        std::int64_t number) {
  return fmt::format("{}.{}", number, signature(secret, sale, user, number));
}

std::optional<std::int64_t> read_ticket(ByteView secret, std::string_view sale,
                                        std::string_view user, ByteView ticket) {
  const auto dot = ticket.find('.');
  if (dot == ticket.npos || dot > kNumberChars) return std::nullopt;
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(ticket.data(), ticket.data() + dot, number);
  if (error != std::errc() || end != ticket.data() + dot || number < 0) return std::nullopt;
  const std::string right = signature(secret, sale, user, number);
  const ByteView given = ticket.substr(dot + 1);
  const bool genuine =
      given.size() == right.size() && CRYPTO_memcmp(given.data(), right.data(), right.size()) == 0;
  return genuine ? std::optional(number) : std::nullopt;
}

ByteView ticket_of(const http::Request& request, std::string_view sale) {
  return cookie_value(request, cookie_name(sale)).value_or(ByteView());
}

void give_ticket(http::Response& response, std::string_view sale, std::string_view ticket) {
  response.add("Set-Cookie", cookie(sale, ticket, kLifeSeconds));
}

void take_ticket_away(http::Response& response, std::string_view sale) {
  response.add("Set-Cookie", cookie(sale, "", 0));
}

}  // namespace sluice::frontend
