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

http::Response another_origin() {
  return problem(403, "another-origin", "Only pages of this shop may do this")
      .detail("The request is of a page elsewhere, by the right of a cookie")
      .response();
}

// Changes nothing (RFC 9110 section 9.2.1).
bool is_safe(ByteView method) {
  return method == "GET" || method == "HEAD";
}

std::string where_the_token_goes(std::string_view cookie) {
  if (cookie.empty()) return "The request needs the header Authorization: Bearer <token>";
  return fmt::format("The request needs the header Authorization: Bearer <token>, or a cookie {}",
                     cookie);
}

}  // namespace

UserIdentity::UserIdentity()
    : nobody_(nobody("The request needs the header X-User-Id with 1 to 128 bytes of UTF-8 text",
                     kUserHeader)),
      another_origin_(another_origin()) {}

UserIdentity::UserIdentity(JwtRules rules, std::string cookie)
    : rules_(std::move(rules)),
      cookie_(std::move(cookie)),
      nobody_(nobody(where_the_token_goes(cookie_), "Bearer")),
      another_origin_(another_origin()) {}

// Who says himself who he is means that.
std::optional<UserIdentity::Shown> UserIdentity::shown(const http::Request& request) const {
  if (const auto token = bearer_token(request)) return Shown{.token = *token, .by_cookie = false};
  if (cookie_.empty()) return std::nullopt;
  const auto token = cookie_value(request, cookie_);
  if (!token) return std::nullopt;
  return Shown{.token = *token, .by_cookie = true};
}

UserName UserIdentity::claimed(const http::Request& request) const {
  if (!rules_) return named(request);
  const auto token = shown(request);
  return token ? claimed_user(token->token) : UserName();
}

std::expected<UserName, http::Answer> UserIdentity::user_of(const http::Request& request,
                                                            WallTime now) const {
  if (!rules_) {
    const UserName user = named(request);
    if (user.empty()) return std::unexpected(http::Answer(&nobody_));
    return user;
  }
  const auto token = shown(request);
  if (!token) return std::unexpected(http::Answer(&nobody_));
  if (token->by_cookie && !is_safe(request.method) && is_from_another_origin(request)) {
    return std::unexpected(http::Answer(&another_origin_));
  }
  const auto user = verify_jwt(token->token, *rules_, now);
  if (!user) return std::unexpected(http::Answer(invalid_token(user.error().context)));
  return *user;
}

}  // namespace sluice::frontend
