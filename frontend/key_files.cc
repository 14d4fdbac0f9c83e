#include "frontend/key_files.h"

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "frontend/timed_seal.h"
#include "shared/base/file.h"

namespace sluice::frontend {
namespace {

constexpr std::size_t kMaxKeyFileBytes = 64 << 10;

std::unexpected<Error> wrong(std::string_view option, const std::string& path, const Error& error) {
  return fail(error.code, fmt::format("{}: {}: {}", option, path, error.context));
}

}  // namespace

Result<JwtRules> jwt_rules(const Options& options) {
  JwtRules rules;
  rules.issuer = options.jwt_issuer;
  rules.audience = options.jwt_audience;
  rules.leeway = options.jwt_leeway;
  const auto add = [&rules](std::string_view option, const std::vector<std::string>& paths,
                            Result<JwtKey> (*key_of)(std::string bytes)) -> Result<void> {
    for (const std::string& path : paths) {
      auto bytes = read_file(path, kMaxKeyFileBytes);
      if (!bytes) return wrong(option, path, bytes.error());
      auto key = key_of(std::move(*bytes));
      if (!key) return wrong(option, path, key.error());
      rules.keys.push_back(std::move(*key));
    }
    return {};
  };
  TRY_VOID(add("jwt_secret_files", options.jwt_secret_files, [](std::string bytes) {
    return JwtKey::hs256(without_line_end(std::move(bytes)));
  }));
  TRY_VOID(add("jwt_public_key_files", options.jwt_public_key_files,
               [](std::string bytes) { return JwtKey::ed25519(bytes); }));
  return rules;
}

Result<std::string> purchase_secret(const Options& options, Random& random) {
  constexpr std::string_view kOption = "purchase_secret_file";
  const std::string& path = options.purchase_secret_file;
  if (path.empty()) return random_uuid(random) + random_uuid(random) + random_uuid(random);
  auto bytes = read_file(path, kMaxKeyFileBytes);
  if (!bytes) return wrong(kOption, path, bytes.error());
  std::string secret = without_line_end(std::move(*bytes));
  if (secret.size() >= kMinSealSecretBytes) return secret;
  return fail(Code::invalid, fmt::format("{}: {}: has {} bytes; it needs {} or more", kOption, path,
                                         secret.size(), kMinSealSecretBytes));
}

}  // namespace sluice::frontend
