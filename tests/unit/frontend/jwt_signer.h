#pragma once
// Whoever issues tokens: the shop's tests sign with keys of RFC 7515 (HS256) and RFC 8037
// (Ed25519).

#include <memory>
#include <string>
#include <string_view>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "frontend/jwt.h"
#include "shared/base/base64.h"
#include "shared/crypto/hmac.h"

namespace sluice::frontend {

inline constexpr std::string_view kHs256Header = R"({"alg":"HS256","typ":"JWT"})";
inline constexpr std::string_view kEdDsaHeader = R"({"alg":"EdDSA"})";

// RFC 7515 appendix A.1.1.
inline std::string jwt_secret() {
  return *from_base64url(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
}

// RFC 8037 appendix A.2, as PEM of RFC 8410.
inline std::string jwt_public_pem() {
  const Buffer prefix("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12);
  const auto key = from_base64url("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
  return fmt::format("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
                     base64(prefix + *key));
}

inline JwtKey key_of(Result<JwtKey> key) {
  REQUIRE_MESSAGE(key, (key ? "" : key.error().context));
  return std::move(*key);
}

inline JwtRules hs256_rules() {
  JwtRules rules;
  rules.keys.push_back(key_of(JwtKey::hs256(jwt_secret())));
  return rules;
}

inline JwtRules ed25519_rules() {
  JwtRules rules;
  rules.keys.push_back(key_of(JwtKey::ed25519(jwt_public_pem())));
  return rules;
}

inline std::string unsigned_token(std::string_view header, std::string_view payload) {
  return fmt::format("{}.{}", base64url(header), base64url(payload));
}

inline std::string hs256_token(std::string_view payload, std::string_view header = kHs256Header,
                               std::string_view secret = jwt_secret()) {
  const std::string text = unsigned_token(header, payload);
  return fmt::format("{}.{}", text, base64url(bytes_of(hmac_sha256(secret, text))));
}

inline std::string ed25519_token(std::string_view payload) {
  const auto secret = from_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                   reinterpret_cast<const unsigned char*>(secret->data()),
                                   secret->size()),
      EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  const std::string text = unsigned_token(kEdDsaHeader, payload);
  Buffer signature(64, '\0');
  std::size_t size = signature.size();
  REQUIRE(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  REQUIRE(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                         reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
  return fmt::format("{}.{}", text, base64url(signature));
}

}  // namespace sluice::frontend
