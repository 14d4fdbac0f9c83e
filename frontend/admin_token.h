#pragma once
// AdminToken: who may use the admin API. RFC 6750: "Authorization: Bearer <token>".

#include <cstddef>
#include <optional>
#include <string_view>

#include "shared/crypto/sha256.h"
#include "shared/http/request.h"
#include "shared/http/response.h"

namespace sluice::frontend {

// A token shorter than this can be guessed.
inline constexpr std::size_t kMinAdminTokenBytes = 16;
inline constexpr std::size_t kMaxAdminTokenBytes = 512;

// Immutable; any thread.
class AdminToken {
 public:
  // Empty: nobody may.
  explicit AdminToken(std::string_view token);

  // 401 or 403, or nothing: the request may go on. Takes as long for a wrong token as for the
  // right one.
  std::optional<http::Response> refuse(const http::Request& request) const;

 private:
  bool enabled_;
  Sha256 digest_;  // of one length, so that comparing does not tell the token's
};

// Whether it can stand in the header: the characters of RFC 6750's b64token.
bool is_bearer_token(std::string_view text);

}  // namespace sluice::frontend
