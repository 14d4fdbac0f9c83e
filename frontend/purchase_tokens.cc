#include "frontend/purchase_tokens.h"

#include <bit>

#include <fmt/format.h>

#include "shared/crypto/sha256.h"

namespace sluice::frontend {
namespace {

// Neither a sale's id nor a user has a line end.
std::string challenge_subject(const ledger::Sale& sale, ByteView user) {
  return fmt::format("challenge\n{}\n{}\n{}", sale.sale, sale.proof_of_work, user);
}

std::string token_subject(const ledger::Sale& sale, ByteView user) {
  return fmt::format("purchase\n{}\n{}", sale.sale, user);
}

std::int64_t leading_zero_bits(const Sha256& digest) {
  std::int64_t bits = 0;
  for (const unsigned char byte : digest) {
    bits += std::countl_zero(byte);
    if (byte != 0) break;
  }
  return bits;
}

}  // namespace

Sealed PurchaseTokens::challenge(const ledger::Sale& sale, ByteView user, WallTime now) const {
  const WallTime end{now.unix_millis + kChallengeLife.count()};
  return {.text = seal_.seal(challenge_subject(sale, user), end), .end = end};
}

// The work first: whoever has not done it costs one digest.
PurchaseTokens::Work PurchaseTokens::check_work(const ledger::Sale& sale, ByteView user,
                                                ByteView challenge, ByteView nonce,
                                                WallTime now) const {
  const Sha256 digest = sha256(fmt::format("{}:{}", challenge, nonce));
  if (leading_zero_bits(digest) < sale.proof_of_work) return Work::too_little;
  switch (seal_.check(challenge, challenge_subject(sale, user), now)) {
    case Verdict::good:
      return Work::done;
    case Verdict::over:
      return Work::outdated;
    case Verdict::forged:
      break;
  }
  return Work::foreign;
}

Sealed PurchaseTokens::issue(const ledger::Sale& sale, ByteView user, WallTime now) const {
  const WallTime end{now.unix_millis + life_.count()};
  return {.text = seal_.seal(token_subject(sale, user), end), .end = end};
}

PurchaseTokens::Verdict PurchaseTokens::check(const ledger::Sale& sale, ByteView user,
                                              ByteView token, WallTime now) const {
  return seal_.check(token, token_subject(sale, user), now);
}

}  // namespace sluice::frontend
