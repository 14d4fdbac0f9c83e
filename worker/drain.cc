#include "worker/drain.h"

#include <algorithm>
#include <cmath>

namespace sluice::worker {

Drain Drain::measured(Instant now, std::uint64_t done, std::int64_t lag,
                      std::int64_t waiting) const {
  Drain next;
  next.lag = lag;
  next.waiting = waiting;
  next.at_ = now;
  next.done_ = done;
  next.begun_ = true;
  if (!begun_ || now <= at_) return next;
  const double seconds = std::chrono::duration<double>(now - at_).count();
  next.records_per_second = static_cast<double>(done - done_) / seconds;
  // What comes in meanwhile counts against it.
  const double shrinks = static_cast<double>(this->waiting - waiting) / seconds;
  if (waiting == 0) {
    next.eta = std::chrono::seconds(0);
  } else if (shrinks > 0) {
    next.eta = std::chrono::seconds(
        static_cast<std::int64_t>(std::ceil(static_cast<double>(waiting) / shrinks)));
  }
  return next;
}

}  // namespace sluice::worker
