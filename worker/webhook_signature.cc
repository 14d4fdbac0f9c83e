#include "worker/webhook_signature.h"

#include <fmt/format.h>

#include "shared/base/base64.h"
#include "shared/base/file.h"
#include "shared/crypto/hmac.h"

namespace sluice::worker {
namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::size_t kMinKeyBytes = 24;  // as Standard Webhooks has both
constexpr std::size_t kMaxKeyBytes = 64;
constexpr std::size_t kMaxFileBytes = 1 << 10;

}  // namespace

std::string WebhookSigner::sign(std::string_view id, std::int64_t unix_seconds,
                                ByteView body) const {
  const std::string text = fmt::format("{}.{}.{}", id, unix_seconds, body);
  std::string signatures;
  for (const std::string& key : keys_) {
    if (!signatures.empty()) signatures += ' ';
    signatures += "v1," + base64(bytes_of(hmac_sha256(key, text)));
  }
  return signatures;
}

Result<std::string> webhook_key(std::string_view secret) {
  const bool prefixed = secret.starts_with(kPrefix);
  const auto key = prefixed ? from_base64(secret.substr(kPrefix.size())) : std::nullopt;
  if (!key) return fail(Code::invalid, "is not whsec_ and base64");
  if (key->size() >= kMinKeyBytes && key->size() <= kMaxKeyBytes) return std::string(*key);
  return fail(Code::invalid, fmt::format("has a key of {} bytes, expected {} to {}", key->size(),
                                         kMinKeyBytes, kMaxKeyBytes));
}

Result<WebhookSigner> read_webhook_secrets(const std::vector<std::string>& files) {
  std::vector<std::string> keys;
  for (const std::string& path : files) {
    const auto wrong = [&path](const Error& error) {
      return fail(error.code, fmt::format("webhook_secret_files: {} {}", path, error.context));
    };
    auto bytes = read_file(path, kMaxFileBytes);
    if (!bytes) return wrong(bytes.error());
    auto key = webhook_key(without_line_end(std::move(*bytes)));
    if (!key) return wrong(key.error());
    keys.push_back(std::move(*key));
  }
  return WebhookSigner(std::move(keys));
}

}  // namespace sluice::worker
