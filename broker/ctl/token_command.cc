// sluicectl token: a signed token as the frontend's `auth: jwt` takes it, for tests and for the
// operator who looks after somebody's order. Whoever lets customers log in issues the others.

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/json.h"
#include "broker/ctl/print.h"
#include "shared/base/base64.h"
#include "shared/base/check.h"
#include "shared/base/file.h"
#include "shared/base/utf8.h"
#include "shared/config/text.h"
#include "shared/crypto/hmac.h"
#include "shared/ledger/event.h"

namespace sluice::ctl {

namespace {

constexpr std::size_t kMaxKeyFileBytes = 64 << 10;
constexpr std::size_t kMinSecretBytes = 32;  // RFC 7518 section 3.2
constexpr Millis kLongestLife{366LL * 86'400'000};

struct TokenArguments {
  std::string user;
  std::string secret_file;
  std::string private_key_file;
  std::string life = "1h";
  std::string issuer;
  std::string audience;
};

Result<Buffer> key_in(std::string_view option, const std::string& path) {
  auto bytes = read_file(path, kMaxKeyFileBytes);
  if (bytes) return bytes;
  return fail(bytes.error().code,
              fmt::format("{} {}: {}", option, printable(path), bytes.error().context));
}

Result<Buffer> hs256(const std::string& path, ByteView text) {
  TRY(file, key_in("--secret-file", path));
  const std::string secret = without_line_end(std::move(file));
  if (secret.size() < kMinSecretBytes) {
    return fail(Code::invalid, fmt::format("--secret-file {}: has {} bytes; HS256 needs {} or more",
                                           printable(path), secret.size(), kMinSecretBytes));
  }
  return Buffer(bytes_of(hmac_sha256(secret, text)));
}

Result<Buffer> ed25519(const std::string& path, ByteView text) {
  TRY(pem, key_in("--private-key-file", path));
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  CHECK(in != nullptr);
  // A passphrase is none that this program could ask for.
  const auto refuse = [](char*, int, int, void*) { return 0; };
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(in.get(), nullptr, refuse, nullptr), EVP_PKEY_free);
  if (key == nullptr || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
    return fail(
        Code::invalid,
        fmt::format("--private-key-file {}: is no Ed25519 private key in PEM", printable(path)));
  }
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  Buffer signature(64, '\0');
  std::size_t size = signature.size();
  CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  CHECK(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
  return signature;
}

Result<void> print_token(Context& context, const TokenArguments& arguments) {
  if (!ledger::is_plain_text(arguments.user, ledger::kMaxUserBytes) || !is_utf8(arguments.user)) {
    return fail(Code::invalid,
                fmt::format("--user must have 1 to {} bytes of text", ledger::kMaxUserBytes));
  }
  const auto life = config::parse_duration(arguments.life);
  if (!life || *life < Millis(1'000) || *life > kLongestLife) {
    return fail(Code::invalid, fmt::format("--life is \"{}\", expected 1s to 366d, such as 15m",
                                           printable(arguments.life)));
  }
  const std::int64_t now = SystemClock().wall().unix_millis / 1000;
  const std::int64_t end = now + life->count() / 1000;
  json::object claims{{"sub", arguments.user}, {"iat", now}, {"exp", end}};
  if (!arguments.issuer.empty()) claims["iss"] = arguments.issuer;
  if (!arguments.audience.empty()) claims["aud"] = arguments.audience;
  const bool has_secret = !arguments.secret_file.empty();
  const json::object header{{"alg", has_secret ? "HS256" : "EdDSA"}, {"typ", "JWT"}};
  const std::string text =
      fmt::format("{}.{}", base64url(json::serialize(header)), base64url(json::serialize(claims)));
  TRY(signature,
      has_secret ? hs256(arguments.secret_file, text) : ed25519(arguments.private_key_file, text));
  const std::string token = fmt::format("{}.{}", text, base64url(signature));
  if (!context.json()) {
    context.terminal.out << token << "\n";
    return {};
  }
  json::object object{{"token", token}, {"user", arguments.user}};
  put_time(object, "expires_at", end * 1000);
  print_json(context.terminal.out, object);
  return {};
}

}  // namespace

void add_token_command(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<TokenArguments>();
  CLI::App* command = app.add_subcommand("token", "Sign a token that says who a user is");
  command->footer(
      "For a frontend with auth: jwt. Whoever has the key can be anybody: keep it where it is "
      "safe.\n"
      "\n"
      "Examples:\n"
      "  curl -H \"Authorization: Bearer $(sluicectl token --user ann --secret-file jwt-secret)\" "
      "…\n"
      "  sluicectl token --user ann --private-key-file issuer.pem --life 5m --audience shop");
  command->add_option("--user", arguments->user, "Whose (sub)")->required()->type_name("USER");
  CLI::Option_group* key = command->add_option_group("key", "What it is signed with");
  key->add_option("--secret-file", arguments->secret_file, "The secret of HS256")
      ->type_name("FILE");
  key->add_option("--private-key-file", arguments->private_key_file, "An Ed25519 key in PEM")
      ->type_name("FILE");
  key->require_option(1);
  command->add_option("--life", arguments->life, "Until it expires (exp)")
      ->type_name("DURATION")
      ->capture_default_str();
  command->add_option("--issuer", arguments->issuer, "iss")->type_name("TEXT");
  command->add_option("--audience", arguments->audience, "aud")->type_name("TEXT");
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return print_token(context, *arguments); };
  });
}

}  // namespace sluice::ctl
