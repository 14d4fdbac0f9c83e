#pragma once
// The token bucket of a rate, as GCRA (the generic cell rate algorithm, ITU-T I.371): all it has to
// remember is one time, the theoretical arrival time of the next event that comes exactly at the
// rate. An event is admitted unless it is ahead of that time by more than the burst allows. Pure;
// times count in whatever unit the two spans do.

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "frontend/rate.h"
#include "shared/base/clock.h"

namespace sluice::frontend {

struct Gcra {
  std::uint64_t interval;   // between two events at the rate
  std::uint64_t tolerance;  // how far events may be ahead: interval × (burst - 1)

  struct Verdict {
    std::uint64_t wait;  // 0: admitted
    std::uint64_t next;  // what to remember then
  };
  Verdict judge(std::uint64_t theoretical, std::uint64_t now) const {
    const std::uint64_t from = std::max(theoretical, now);
    if (from - now > tolerance) return {.wait = from - now - tolerance, .next = theoretical};
    return {.wait = 0, .next = from + interval};
  }
};

// One bucket for all. Any thread; no lock.
class TokenBucket {
 public:
  explicit TokenBucket(const Rate& rate) : gcra_(in_nanoseconds(rate)) {}

  // 0: admitted, and counted. Else not before that much later.
  std::chrono::nanoseconds take(Instant now) {
    const auto at = static_cast<std::uint64_t>(now.since_start.count());
    std::uint64_t theoretical = theoretical_.load(std::memory_order_relaxed);
    while (true) {
      const Gcra::Verdict verdict = gcra_.judge(theoretical, at);
      if (verdict.wait > 0) return std::chrono::nanoseconds(verdict.wait);
      if (theoretical_.compare_exchange_weak(theoretical, verdict.next,
                                             std::memory_order_relaxed)) {
        return std::chrono::nanoseconds(0);
      }
    }
  }

 private:
  static Gcra in_nanoseconds(const Rate& rate) {
    const auto interval = static_cast<std::uint64_t>(rate.interval().count());
    return {.interval = interval,
            .tolerance = interval * (static_cast<std::uint64_t>(rate.burst) - 1)};
  }

  const Gcra gcra_;
  std::atomic<std::uint64_t> theoretical_ = 0;
};

}  // namespace sluice::frontend
