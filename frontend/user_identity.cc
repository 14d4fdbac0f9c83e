#include "frontend/user_identity.h"

#include <utility>

#include <fmt/format.h>

#include "frontend/handlers/api.h"
#include "frontend/request_fields.h"

namespace sluice::frontend {
namespace {

// The demo's identity.
constexpr std::string_view kUserHeader = "X-User-Id";

http::Response nobody(std::string_view detail, std::string_view challenge) {
  return problem(401, "no-user", "Whose order?")
      .detail(detail)
      .response()
      .add("WWW-Authenticate", challenge);
}

http::Response invalid_token(std::string_view what) {
  return problem(401, "invalid-token", "The token is refused")
      .detail(fmt::format("The token is refused: {}", what))
      .response()
      .add("WWW-Authenticate",
           fmt::format(R"(Bearer error="invalid_token", error_description="{}")", what));
}

UserName named(const http::Request& request) {
  return UserName(request.header(kUserHeader).value_or(ByteView()));
}

}  // namespace

UserIdentity::UserIdentity()
    : nobody_(nobody("The request needs the header X-User-Id with 1 to 128 bytes of UTF-8 text",
                     kUserHeader)) {}

UserIdentity::UserIdentity(JwtRules rules)
    : rules_(std::move(rules)),
      nobody_(nobody("The request needs the header Authorization: Bearer <token>", "Bearer")) {}

UserName UserIdentity::claimed(const http::Request& request) const {
  if (!rules_) return named(request);
  return claimed_user(bearer_token(request).value_or(ByteView()));
}

std::expected<UserName, http::Answer> UserIdentity::user_of(const http::Request& request,
                                                            WallTime now) const {
  if (!rules_) {
    const UserName user = named(request);
    if (user.empty()) return std::unexpected(http::Answer(&nobody_));
    return user;
  }
  const auto token = bearer_token(request);
  if (!token) return std::unexpected(http::Answer(&nobody_));
  const auto user = verify_jwt(*token, *rules_, now);
  if (!user) return std::unexpected(http::Answer(invalid_token(user.error().context)));
  return *user;
}

}  // namespace sluice::frontend
