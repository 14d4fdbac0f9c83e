#pragma once
// Drain: how fast what waits on the log is being placed, and when it will be done at that speed.
// Pure; one thread.

#include <cstdint>
#include <optional>

#include "shared/base/clock.h"

namespace sluice::worker {

struct Drain {
  std::int64_t lag = 0;  // records on the log that are not in the database
  // Of them, those that ask for something: without the answers of workers to what they have placed,
  // which come as fast as orders are placed and would hide that these become fewer.
  std::int64_t waiting = 0;
  double records_per_second = 0;
  std::optional<std::chrono::seconds> eta;  // until nothing waits; nothing when it does not shrink

  // The next look. `done`: records that this worker has written, ever.
  Drain measured(Instant now, std::uint64_t done, std::int64_t lag, std::int64_t waiting) const;

 private:
  Instant at_;
  std::uint64_t done_ = 0;
  bool begun_ = false;
};

}  // namespace sluice::worker
