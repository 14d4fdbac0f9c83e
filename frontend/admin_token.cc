#include "frontend/admin_token.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "frontend/handlers/api.h"
#include "frontend/request_fields.h"

namespace sluice::frontend {
namespace {

http::Response unauthorized(std::string_view challenge, std::string_view detail) {
  return problem(401, "not-authorized", "Who are you?")
      .detail(detail)
      .response()
      .add("WWW-Authenticate", challenge);
}

}  // namespace

AdminToken::AdminToken(std::string_view token) : enabled_(!token.empty()), digest_(sha256(token)) {}

std::optional<http::Response> AdminToken::refuse(const http::Request& request) const {
  if (!enabled_) {
    return problem(403, "admin-disabled", "The admin API is switched off")
        .detail("The frontend has no option admin_token: set one and restart it")
        .response();
  }
  const auto given = bearer_token(request);
  if (!given) {
    return unauthorized("Bearer", "The request needs the header Authorization: Bearer <token>");
  }
  const Sha256 digest = sha256(*given);
  if (CRYPTO_memcmp(digest.data(), digest_.data(), digest.size()) == 0) return std::nullopt;
  return unauthorized("Bearer error=\"invalid_token\"", "The token is not the admin_token");
}

bool is_bearer_token(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~+/=").find(c) != std::string_view::npos;
  });
}

}  // namespace sluice::frontend
