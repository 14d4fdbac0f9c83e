#pragma once
// TimedSeal: short texts that only holders of a secret can make, each for one subject and for a
// while: "<Unix ms at its end>.<HMAC-SHA-256 in base64url>". Nothing is kept of them. Pure and
// immutable; any thread.

#include <string>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"

namespace sluice::frontend {

inline constexpr std::size_t kMinSealSecretBytes = 32;

class TimedSeal {
 public:
  explicit TimedSeal(std::string secret) : secret_(std::move(secret)) {}

  // REQUIRES: the end is within 1970 and 9999. Subjects that differ must not be spelled the same.
  std::string seal(ByteView subject, WallTime end) const;

  enum class Verdict : unsigned char { good, over, forged };
  Verdict check(ByteView text, ByteView subject, WallTime now) const;

 private:
  const std::string secret_;
};

}  // namespace sluice::frontend
