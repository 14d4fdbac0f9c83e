#pragma once
// RateTable: one token bucket for each of very many keys, such as users, in memory that is fixed at
// the start. Any thread; no lock.
//
// A key is known by its hash: some bits choose a set of eight slots, sixteen others are kept in the
// slot beside the time that GCRA needs (token_bucket.h). A set is one cache line. Who comes into a
// full set takes over the slot that is closest to rest, and inherits its debt. Therefore:
//
//  - No key is ever admitted beyond its rate, however many there are: what was taken over had no
//    smaller debt than the key would have had itself. (Two first requests of a key on two threads
//    at the same instant may be counted in two slots; then one more is admitted.)
//  - A key waits longer than it would have to only when eight others of its set are in debt, which
//    an idle key never is, or when it shares set and sixteen bits with one. Hashes should depend on
//    a secret, so that nobody can choose whom to meet.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "frontend/rate.h"
#include "frontend/token_bucket.h"
#include "shared/base/clock.h"

namespace sluice::frontend {

class RateTable {
 public:
  // A million keys that are in debt at once, in 8 MiB.
  static constexpr std::size_t kKeys = std::size_t{1} << 20;

  // REQUIRES: `keys` is a power of two, eight or more.
  explicit RateTable(const Rate& rate, std::size_t keys = kKeys);

  // 0: admitted, and counted. Else not before that much later.
  std::chrono::nanoseconds take(std::uint64_t hash, Instant now);

 private:
  using Slot = std::atomic<std::uint64_t>;  // sixteen bits of the hash, 48 of time; 0: at rest
  static constexpr std::size_t kWays = 8;
  struct alignas(64) Set {
    std::array<Slot, kWays> slots{};
  };
  struct Found {
    Slot* slot;
    std::uint64_t word;
  };

  static Found find(Set& set, std::uint64_t tag);

  const Gcra gcra_;  // in microseconds: 48 bits of them are nine years of running
  const std::size_t mask_;
  const std::unique_ptr<Set[]> sets_;
};

}  // namespace sluice::frontend
