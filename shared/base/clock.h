#pragma once
// Time comes from here and nowhere else, so that a test or a simulation can turn it by hand. Cores
// take `now` as an argument; only shells hold a Clock.

#include <chrono>
#include <cstdint>

namespace sluice {

using Millis = std::chrono::milliseconds;

// Monotonic: for deadlines and durations. Never printed, never stored.
struct Instant {
  std::chrono::nanoseconds since_start{0};

  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Instant operator+(Instant at, std::chrono::nanoseconds d) {
    return {at.since_start + d};
  }
  friend constexpr std::chrono::nanoseconds operator-(Instant a, Instant b) {
    return a.since_start - b.since_start;
  }
  static constexpr Instant never() { return {std::chrono::nanoseconds::max()}; }
};

// Wall clock, Unix milliseconds: for people, records and schedules. It may step.
struct WallTime {
  std::int64_t unix_millis = 0;

  friend constexpr auto operator<=>(WallTime, WallTime) = default;
  friend constexpr WallTime operator+(WallTime at, Millis d) {
    return {at.unix_millis + d.count()};
  }
};

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
  virtual WallTime wall() const = 0;
};

class SystemClock final : public Clock {
 public:
  Instant now() const override { return {std::chrono::steady_clock::now().time_since_epoch()}; }
  WallTime wall() const override {
    return {std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch())
                .count()};
  }
};

}  // namespace sluice
