#pragma once
// WebhookSigner: the signature by which a shop's system knows that a delivery is ours, as Standard
// Webhooks 1.0.0 has it: HMAC-SHA-256 over "<id>.<Unix seconds>.<body>".

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace sluice::worker {

// While a secret is replaced there are two; more are a mistake.
inline constexpr std::size_t kMaxWebhookSecrets = 4;

// Immutable.
class WebhookSigner {
 public:
  // REQUIRES: at least one key.
  explicit WebhookSigner(std::vector<std::string> keys) : keys_(std::move(keys)) {}

  // The value of webhook-signature: one "v1,<base64>" a key, with spaces between. A receiver takes
  // any that he knows the key of.
  std::string sign(std::string_view id, std::int64_t unix_seconds, ByteView body) const;

 private:
  const std::vector<std::string> keys_;
};

// The key in "whsec_<base64>", of 24 to 64 bytes.
Result<std::string> webhook_key(std::string_view secret);

// Keys from files, a line end behind the secret not counted. Errors name option and file.
Result<WebhookSigner> read_webhook_secrets(const std::vector<std::string>& files);

}  // namespace sluice::worker
