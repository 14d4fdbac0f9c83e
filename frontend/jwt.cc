#include "frontend/jwt.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "shared/base/base64.h"
#include "shared/crypto/hmac.h"

namespace sluice::frontend {
namespace {

namespace json = boost::json;

// Header, payload, signature, each in base64url, with dots between them.
struct Parts {
  ByteView header;
  ByteView payload;
  ByteView signature;
  ByteView signed_text;  // header and payload with their dot
};

std::optional<Parts> split(ByteView token) {
  if (token.size() > kMaxTokenBytes) return std::nullopt;
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == token.npos || first == last) return std::nullopt;
  const ByteView payload = token.substr(first + 1, last - first - 1);
  if (payload.find('.') != payload.npos) return std::nullopt;
  return Parts{.header = token.substr(0, first),
               .payload = payload,
               .signature = token.substr(last + 1),
               .signed_text = token.substr(0, last)};
}

// One part as the JSON object that it must be; it lives on the stack.
class Part {
 public:
  explicit Part(ByteView text) {
    const auto size = decode_base64url(text, bytes_);
    if (!size) return;
    boost::system::error_code error;
    value_ = json::parse(ByteView(bytes_.data(), *size), error, &memory_);
    if (error) value_ = nullptr;
  }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  const json::object* object() const { return value_.if_object(); }

 private:
  std::array<char, kMaxTokenBytes * 3 / 4> bytes_;
  std::array<unsigned char, 4096> arena_;
  json::monotonic_resource memory_{arena_.data(), arena_.size()};
  json::value value_ = json::value(json::storage_ptr(&memory_));
};

std::optional<ByteView> text_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return ByteView(value->get_string());
}

// A NumericDate, which may have a fraction: seconds since 1970.
std::optional<double> time_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  if (const auto* whole = value->if_int64()) return static_cast<double>(*whole);
  if (const auto* large = value->if_uint64()) return static_cast<double>(*large);
  return value->get_double();
}

UserName user_in(const json::object& claims) {
  return UserName(text_in(claims, "sub").value_or(ByteView()));
}

std::unexpected<Error> wrong(std::string what) {
  return fail(Code::invalid, std::move(what));
}

// What is signed names the key, by its algorithm alone.
Result<void> check_signature(const Parts& parts, const JwtRules& rules) {
  const Part header(parts.header);
  if (header.object() == nullptr) return wrong("its header is not base64url of a JSON object");
  // Extensions that must be understood, and none is (RFC 7515 section 4.1.11).
  if (header.object()->contains("crit")) return wrong("its header has crit");
  const auto algorithm = text_in(*header.object(), "alg");
  const auto fits = [&](const JwtKey& key) { return key.algorithm() == algorithm; };
  if (!std::ranges::any_of(rules.keys, fits)) return wrong("there is no key for its alg");
  std::array<char, 64> bytes;  // of Ed25519, the longer one
  const auto size = decode_base64url(parts.signature, bytes);
  const bool right = size && std::ranges::any_of(rules.keys, [&](const JwtKey& key) {
                       return fits(key) && key.verifies(parts.signed_text, {bytes.data(), *size});
                     });
  if (!right) return wrong("its signature is of none of the keys");
  return {};
}

Result<void> check_times(const json::object& claims, Millis leeway, WallTime now) {
  const auto expires = time_in(claims, "exp");
  if (!expires) return wrong("exp is missing, or not a number");
  const double seconds = static_cast<double>(now.unix_millis) / 1000;
  const double off = static_cast<double>(leeway.count()) / 1000;
  if (seconds >= *expires + off) return wrong("it has expired");
  if (!claims.contains("nbf")) return {};
  const auto begins = time_in(claims, "nbf");
  if (!begins) return wrong("nbf is not a number");
  if (seconds < *begins - off) return wrong("it is not valid yet");
  return {};
}

bool is_audience(const json::value& given, std::string_view wanted) {
  const auto is_wanted = [&](const json::value& one) {
    return one.is_string() && ByteView(one.get_string()) == wanted;
  };
  const json::array* list = given.if_array();
  return list == nullptr ? is_wanted(given) : std::ranges::any_of(*list, is_wanted);
}

// RFC 7519 section 4.1.3: a token for some audience is only for that.
Result<void> check_audience(const json::object& claims, std::string_view wanted) {
  const json::value* given = claims.if_contains("aud");
  if (wanted.empty() && given == nullptr) return {};
  if (given != nullptr && !wanted.empty() && is_audience(*given, wanted)) return {};
  return wrong("aud does not name this service");
}

}  // namespace

Result<JwtKey> JwtKey::hs256(std::string secret) {
  if (secret.size() >= kMinHmacSecretBytes) return JwtKey(std::move(secret), nullptr);
  return fail(Code::invalid, fmt::format("has {} bytes; HS256 needs {} or more", secret.size(),
                                         kMinHmacSecretBytes));
}

Result<JwtKey> JwtKey::ed25519(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  CHECK(in != nullptr);
  PublicKey key(PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (key == nullptr) return fail(Code::invalid, "is no public key in PEM");
  if (EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
    return fail(Code::invalid, "is a public key, but none of Ed25519");
  }
  return JwtKey({}, std::move(key));
}

bool JwtKey::verifies(ByteView text, ByteView signature) const {
  if (!public_key_) return is_digest(signature, hmac_sha256(secret_, text));
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  CHECK(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key_.get()) == 1);
  const int right = EVP_DigestVerify(
      context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
      reinterpret_cast<const unsigned char*>(text.data()), text.size());
  ERR_clear_error();
  return right == 1;
}

Result<UserName> verify_jwt(ByteView token, const JwtRules& rules, WallTime now) {
  const auto parts = split(token);
  if (!parts) {
    return wrong(fmt::format("it is not three parts with dots between, in at most {} bytes",
                             kMaxTokenBytes));
  }
  TRY_VOID(check_signature(*parts, rules));
  const Part payload(parts->payload);
  const json::object* claims = payload.object();
  if (claims == nullptr) return wrong("its payload is not base64url of a JSON object");
  TRY_VOID(check_times(*claims, rules.leeway, now));
  if (!rules.issuer.empty() && text_in(*claims, "iss") != rules.issuer) {
    return wrong("iss is not the issuer that this service trusts");
  }
  TRY_VOID(check_audience(*claims, rules.audience));
  const UserName user = user_in(*claims);
  if (!user.empty()) return user;
  return wrong(fmt::format("sub must be a string of 1 to {} bytes of text", ledger::kMaxUserBytes));
}

UserName claimed_user(ByteView token) {
  const auto parts = split(token);
  if (!parts) return {};
  const Part payload(parts->payload);
  const json::object* claims = payload.object();
  return claims == nullptr ? UserName() : user_in(*claims);
}

}  // namespace sluice::frontend
