#pragma once
// Rate: how often something may happen, as operators write it: "10/s burst 20". Pure.

#include <cstdint>
#include <optional>
#include <string_view>

#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace sluice::frontend {

struct Rate {
  std::int64_t count = 1;  // events …
  Millis per{1'000};       // … in this time, in the long run
  std::int64_t burst = 1;  // and so many at once, after as long a rest as they take

  // Between two events in the long run; rounded up, so that a rate is never exceeded.
  std::chrono::nanoseconds interval() const;
  friend bool operator==(const Rate&, const Rate&) = default;
};

// "COUNT/UNIT burst N", the unit being s, m or h; without a burst it is the count. Nothing for "":
// no limit. Limits: 10,000,000 a second, and a burst that comes back within a day.
Result<std::optional<Rate>> parse_rate(std::string_view text);

}  // namespace sluice::frontend
