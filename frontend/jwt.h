#pragma once
// JSON Web Tokens (RFC 7519) in the compact form of RFC 7515: who a signed token says it is about.
// HS256 and EdDSA with Ed25519 (RFC 8037). Pure: keys, rules and time are arguments; any thread.
//
// A key knows its algorithm, and a token is only checked by keys of the algorithm that it names:
// there is no "none", and no way to have a public key taken for a secret (RFC 8725 section 3.1).

#include <openssl/evp.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/user_name.h"
#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace sluice::frontend {

// Longer ones are refused unread: they are decoded on the stack.
inline constexpr std::size_t kMaxTokenBytes = 8 << 10;
// RFC 7518 section 3.2: a key of the size of the digest or more.
inline constexpr std::size_t kMinHmacSecretBytes = 32;

// Immutable; any thread.
class JwtKey {
 public:
  static Result<JwtKey> hs256(std::string secret);
  // A public key as PEM: "-----BEGIN PUBLIC KEY-----" (RFC 8410).
  static Result<JwtKey> ed25519(const std::string& pem);

  // What a token for it names in `alg`.
  std::string_view algorithm() const { return public_key_ ? "EdDSA" : "HS256"; }
  bool verifies(ByteView text, ByteView signature) const;

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  };
  using PublicKey = std::unique_ptr<EVP_PKEY, Free>;

  JwtKey(std::string secret, PublicKey public_key)
      : secret_(std::move(secret)), public_key_(std::move(public_key)) {}

  std::string secret_;  // of HS256
  PublicKey public_key_;
};

struct JwtRules {
  std::vector<JwtKey> keys;  // any of them, so that they can be changed one after the other
  std::string issuer;        // the only `iss`; empty: any
  std::string audience;      // must be in `aud`; empty: a token for some audience is not for us
  Millis leeway{0};          // by which the clock of whoever signs may be off
};

// The token's user; an error says what is wrong with it, for whoever sent it. `sub` and `exp` are
// required, `nbf` is respected. Nothing of a token is told before its signature is right.
Result<UserName> verify_jwt(ByteView token, const JwtRules& rules, WallTime now);

// Whom the token claims to be about, without a look at its signature; empty when it does not say.
// Enough to refuse what nobody may have. Allocates nothing for a token below some 3 KiB.
UserName claimed_user(ByteView token);

}  // namespace sluice::frontend
