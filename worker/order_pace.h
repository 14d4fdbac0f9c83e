#pragma once
// OrderPace: the sluice itself, how many orders a second a worker lets through. A bucket that fills
// at that rate and holds what comes in a tenth of a second, at least one order. Pure; one thread.

#include <cstdint>

#include "shared/base/clock.h"

namespace sluice::worker {

class OrderPace {
 public:
  // 0: no limit. May be changed at any time; what was placed before counts at the old rate.
  void set(std::int64_t orders_per_second);

  // How many orders may be placed now; very many without a limit.
  std::int64_t allowed(Instant now) const;
  // When one may be placed: now, or later.
  Instant next(Instant now) const;
  // More than allowed() delay the next ones.
  void placed(std::int64_t orders, Instant now);

 private:
  std::chrono::nanoseconds capacity() const;

  std::chrono::nanoseconds per_order_{0};  // 0: no limit
  Instant empty_at_;                       // the bucket held nothing then, and fills since
};

}  // namespace sluice::worker
