#include "frontend/timed_seal.h"

#include <array>
#include <charconv>
#include <cstdint>

#include <fmt/format.h>

#include "shared/base/base64.h"
#include "shared/crypto/hmac.h"

namespace sluice::frontend {
namespace {

// Over the end as it is spelled, so that there is one spelling only.
Sha256 digest_of(ByteView secret, ByteView subject, ByteView end) {
  fmt::memory_buffer text;  // on the stack for any subject of ours
  fmt::format_to(std::back_inserter(text), "{}\n{}", end, subject);
  return hmac_sha256(secret, {text.data(), text.size()});
}

}  // namespace

std::string TimedSeal::seal(ByteView subject, WallTime end) const {
  const std::string time = fmt::to_string(end.unix_millis);
  return fmt::format("{}.{}", time, base64url(bytes_of(digest_of(secret_, subject, time))));
}

TimedSeal::Verdict TimedSeal::check(ByteView text, ByteView subject, WallTime now) const {
  const auto dot = text.find('.');
  if (dot == text.npos) return Verdict::forged;
  const ByteView time = text.substr(0, dot);
  std::int64_t end = 0;
  const auto [stop, error] = std::from_chars(time.data(), time.data() + time.size(), end);
  if (error != std::errc() || stop != time.data() + time.size()) return Verdict::forged;
  if (now.unix_millis >= end) return Verdict::over;  // whoever made it: it is of no use
  std::array<char, 32> digest;
  const auto size = decode_base64url(text.substr(dot + 1), digest);
  const bool right = size && is_digest({digest.data(), *size}, digest_of(secret_, subject, time));
  return right ? Verdict::good : Verdict::forged;
}

}  // namespace sluice::frontend
