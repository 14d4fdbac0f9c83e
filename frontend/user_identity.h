#pragma once
// UserIdentity: who a request is from. With `auth: none` whoever its header X-User-Id names, which
// anybody can set; with `auth: jwt` the subject of its signed token (RFC 6750: "Authorization:
// Bearer <token>"). Immutable; any thread.

#include <expected>
#include <optional>
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
  // auth: jwt.
  explicit UserIdentity(JwtRules rules);

  // Then an order is for the eyes of its own user only.
  bool is_proven() const { return rules_.has_value(); }

  // Whom the request claims to be from, unproven; empty when it does not say. Enough to refuse what
  // nobody new may have: it costs no signature, no lock and, but for huge tokens, no allocation.
  UserName claimed(const http::Request& request) const;

  // The user, or the answer 401. It outlives every connection that may send that.
  std::expected<UserName, http::Answer> user_of(const http::Request& request, WallTime now) const;

 private:
  const std::optional<JwtRules> rules_;
  const http::StaticResponse nobody_;
};

}  // namespace sluice::frontend
