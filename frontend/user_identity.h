#pragma once
// UserIdentity: who a request is from. With `auth: none` whoever its header X-User-Id names, which
// anybody can set; with `auth: jwt` the subject of its signed token (RFC 6750: "Authorization:
// Bearer <token>"), which browsers may have in a cookie instead. A browser sends cookies whoever's
// page asks it to, so by a cookie only pages of ours change anything. Immutable; any thread.

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "frontend/jwt.h"
#include "shared/base/clock.h"
#include "shared/http/request.h"
#include "shared/http/response.h"

namespace sluice::frontend {

class UserIdentity {
 public:
  // auth: none.
  UserIdentity();
  // auth: jwt. `cookie`: the name of the one that may have the token; empty: none.
  explicit UserIdentity(JwtRules rules, std::string cookie = {});

  // Then an order is for the eyes of its own user only.
  bool is_proven() const { return rules_.has_value(); }

  // Whom the request claims to be from, unproven; empty when it does not say. Enough to refuse what
  // nobody new may have: it costs no signature, no lock and, but for huge tokens, no allocation.
  UserName claimed(const http::Request& request) const;

  // The user, or the answer 401, or 403 for a page of somebody else's. It outlives every connection
  // that may send that.
  std::expected<UserName, http::Answer> user_of(const http::Request& request, WallTime now) const;

 private:
  // The token, and whether the browser sent it by itself.
  struct Shown {
    ByteView token;
    bool by_cookie;
  };
  std::optional<Shown> shown(const http::Request& request) const;

  const std::optional<JwtRules> rules_;
  const std::string cookie_;
  const http::StaticResponse nobody_;
  const http::StaticResponse another_origin_;
};

}  // namespace sluice::frontend
