#pragma once
// Timer: one deadline that can be moved; and sleep(). On the loop thread. Never early by its Clock;
// late by what the loop is busy with. Moving an armed deadline later costs a store: the earlier
// wake-up finds that it is not due and goes back to sleep.

#include <functional>
#include <memory>

#include "shared/async/task.h"
#include "shared/base/clock.h"
#include "shared/net/loop.h"

namespace sluice::net {

class Timer {
 public:
  using Callback = std::move_only_function<void()>;

  // REQUIRES: the clock outlives it.
  Timer(Loop& loop, const Clock& clock);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer();  // disarms

  // Replaces the deadline and the callback. The callback may re-arm or destroy the timer. An
  // instant that has passed fires on the next turn of the loop; never() only disarms.
  void arm(Instant at, Callback callback);
  void disarm();
  bool armed() const { return at_ != Instant::never(); }

 private:
  struct Handle;
  struct Callbacks;

  void schedule(Instant now);
  void fired();

  Loop& loop_;
  const Clock& clock_;
  Handle* handle_;
  Instant at_ = Instant::never();
  Instant wakes_at_ = Instant::never();  // when libuv's timer goes off
  Callback callback_;
};

// Resumes at `at` or soon after.
Task<void> sleep_until(Loop& loop, const Clock& clock, Instant at);

}  // namespace sluice::net
