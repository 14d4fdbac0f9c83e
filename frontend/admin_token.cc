#include "frontend/admin_token.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "frontend/handlers/api.h"

namespace sluice::frontend {
namespace {

constexpr std::string_view kScheme = "Bearer ";

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
  const ByteView given = request.header("Authorization").value_or(ByteView());
  if (!http::equal_ignoring_case(given.substr(0, kScheme.size()), kScheme)) {
    return unauthorized("Bearer", "The request needs the header Authorization: Bearer <token>");
  }
  const Sha256 digest = sha256(given.substr(kScheme.size()));
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
