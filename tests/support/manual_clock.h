#pragma once
// ManualClock: time that moves only when a test says so. Single-threaded.

#include "shared/base/clock.h"

namespace sluice {

class ManualClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  WallTime wall() const override { return wall_; }

  void advance(Millis by) {
    now_ = now_ + by;
    wall_ = wall_ + by;
  }
  // A step of the wall clock alone, as NTP or an operator does it.
  void set_wall(WallTime wall) { wall_ = wall; }

 private:
  Instant now_{std::chrono::hours(1)};
  WallTime wall_{1'700'000'000'000};  // Tue, 14 Nov 2023 22:13:20 GMT
};

}  // namespace sluice
