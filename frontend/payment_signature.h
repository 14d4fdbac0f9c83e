#pragma once
// PaymentSignature: whether a notification is from the payment provider. The header
//   Sluice-Signature: t=<Unix seconds>,v1=<hex of HMAC-SHA-256(secret, "<t>.<path>.<body>")>
// binds the body to its order and to a time, so that a notification that somebody copied is worth
// nothing for another order or later.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/http/request.h"
#include "shared/http/response.h"

namespace sluice::frontend {

inline constexpr std::size_t kMinPaymentSecretBytes = 16;

// Immutable; any thread.
class PaymentSignature {
 public:
  // How far the provider's clock may be from ours, the way of the notification included.
  static constexpr std::chrono::seconds kTolerance{300};

  // Empty: no notification is taken.
  explicit PaymentSignature(std::string secret) : secret_(std::move(secret)) {}

  // 401 or 403, or nothing: it is genuine.
  std::optional<http::Response> refuse(const http::Request& request, WallTime now) const;

  // The header's value: for the tests, and for whoever plays the provider.
  std::string sign(ByteView path, ByteView body, std::int64_t unix_seconds) const;

 private:
  std::string digest(ByteView path, ByteView body, std::string_view time) const;

  const std::string secret_;
};

}  // namespace sluice::frontend
