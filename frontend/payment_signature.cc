#include "frontend/payment_signature.h"

#include <openssl/crypto.h>

#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

#include "frontend/handlers/api.h"
#include "shared/base/hex.h"
#include "shared/crypto/hmac.h"

namespace sluice::frontend {
namespace {

http::Response unauthorized(std::string_view detail) {
  return problem(401, "bad-signature", "The notification is not the provider's")
      .detail(detail)
      .response()
      .add("WWW-Authenticate", "Sluice-Signature");
}

// "t=…,v1=…" in this order.
struct Parts {
  std::string_view time;
  std::string_view digest;
};
std::optional<Parts> split(std::string_view header) {
  const auto comma = header.find(',');
  if (comma == header.npos || !header.starts_with("t=")) return std::nullopt;
  const std::string_view rest = header.substr(comma + 1);
  if (!rest.starts_with("v1=")) return std::nullopt;
  return Parts{.time = header.substr(2, comma - 2), .digest = rest.substr(3)};
}

}  // namespace

std::string PaymentSignature::digest(ByteView path, ByteView body, std::string_view time) const {
  return hex(bytes_of(hmac_sha256(secret_, fmt::format("{}.{}.{}", time, path, body))));
}

std::string PaymentSignature::sign(ByteView path, ByteView body, std::int64_t unix_seconds) const {
  const std::string time = fmt::to_string(unix_seconds);
  return fmt::format("t={},v1={}", time, digest(path, body, time));
}

std::optional<http::Response> PaymentSignature::refuse(const http::Request& request,
                                                       WallTime now) const {
  if (secret_.empty()) {
    return problem(403, "payments-disabled", "Payments are not taken")
        .detail("The frontend has no option payment_secret: set one and restart it")
        .response();
  }
  const auto parts = split(request.header("Sluice-Signature").value_or(ByteView()));
  if (!parts) return unauthorized("The request needs Sluice-Signature: t=<seconds>,v1=<hex>");
  const std::string right = digest(request.path, request.body, parts->time);
  const bool same = right.size() == parts->digest.size() &&
                    CRYPTO_memcmp(right.data(), parts->digest.data(), right.size()) == 0;
  if (!same) return unauthorized("The signature is not of this request under payment_secret");
  std::int64_t at = 0;
  const auto [end, error] =
      std::from_chars(parts->time.data(), parts->time.data() + parts->time.size(), at);
  const bool whole = error == std::errc() && end == parts->time.data() + parts->time.size();
  if (whole && std::abs(now.unix_millis / 1000 - at) <= kTolerance.count()) return std::nullopt;
  return unauthorized(
      fmt::format("The signature is more than {} s old, or of the future", kTolerance.count()));
}

}  // namespace sluice::frontend
