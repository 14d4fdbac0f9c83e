#pragma once
// PurchaseTokens: what a sale may ask of its buyers beside their name. A token is bound to sale and
// user and lives shortly; it can be had from the start of the sale on, for as much work as the sale
// asks for. Neither tokens nor challenges are kept: whoever shows one twice is the same user again,
// and gets no more by it. Pure and immutable; any thread.
//
// The work: a nonce with which SHA-256("<challenge>:<nonce>") begins with that many zero bits
// (hashcash). Finding it takes 2^bits digests, checking it one.

#include <cstddef>
#include <cstdint>
#include <string>

#include "frontend/timed_seal.h"
#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/ledger/event.h"

namespace sluice::frontend {

// Of a nonce: room to fill a block of SHA-256 before what is counted.
inline constexpr std::size_t kMaxNonceBytes = 128;

// A text of ours, and until when it is good for something.
struct Sealed {
  std::string text;
  WallTime end;
};

class PurchaseTokens {
 public:
  using Verdict = TimedSeal::Verdict;

  // Time to do the work, for slow phones too.
  static constexpr Millis kChallengeLife{300'000};

  PurchaseTokens(std::string secret, Millis life) : seal_(std::move(secret)), life_(life) {}

  Sealed challenge(const ledger::Sale& sale, ByteView user, WallTime now) const;

  enum class Work : unsigned char {
    done,
    too_little,  // the digest does not begin with enough zero bits
    outdated,    // the challenge is over
    foreign,     // the challenge is not of this sale, user and amount of work
  };
  // REQUIRES: the nonce has at most kMaxNonceBytes.
  Work check_work(const ledger::Sale& sale, ByteView user, ByteView challenge, ByteView nonce,
                  WallTime now) const;

  Sealed issue(const ledger::Sale& sale, ByteView user, WallTime now) const;
  Verdict check(const ledger::Sale& sale, ByteView user, ByteView token, WallTime now) const;

 private:
  const TimedSeal seal_;
  const Millis life_;
};

}  // namespace sluice::frontend
