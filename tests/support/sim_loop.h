#pragma once
// SimLoop: the one thread of a simulation. Which of the ready events comes next is drawn from the
// seed; when none is ready, time jumps to the earliest that waits. The same seed gives the same
// run.

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/random.h"
#include "tests/support/manual_clock.h"

namespace sluice {

class SimLoop {
 public:
  using Job = std::move_only_function<void()>;

  explicit SimLoop(std::uint64_t seed) : random_(seed) {}
  SimLoop(const SimLoop&) = delete;
  SimLoop& operator=(const SimLoop&) = delete;

  const Clock& clock() const { return clock_; }
  Random& random() { return random_; }
  // True once in `of` draws.
  bool once_in(std::uint64_t of) { return random_.below(of) == 0; }
  // Uniform in [0, max].
  Millis up_to(Millis max) {
    return Millis(random_.below(static_cast<std::uint64_t>(max.count()) + 1));
  }

  // A job may come any time after it is ready, before or after jobs that were ready earlier.
  void post(Job job) { ready_.push_back(std::move(job)); }
  void after(Millis delay, Job job) { at(clock_.now() + delay, std::move(job)); }
  void at(Instant when, Job job);

  // Runs one event. False: there is none, now or later.
  bool step();
  // Runs until nothing is left, or `done` says so, or `ticks` events have run; true unless the
  // ticks ran out.
  bool run(const std::function<bool()>& done, std::size_t ticks);
  bool run_dry(std::size_t ticks = 1'000'000);
  // Runs everything that is due before `until`, then jumps there.
  void run_until(Instant until);

  // Steps the wall clock alone.
  void step_wall(Millis by) { clock_.set_wall(clock_.wall() + by); }
  std::size_t ticks() const { return ticks_; }

  // co_await loop.wait(…)
  struct Wait {
    SimLoop* loop;
    Millis duration;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) const {
      loop->after(duration, [waiter] { waiter.resume(); });
    }
    void await_resume() const noexcept {}
  };
  Wait wait(Millis duration) { return {this, duration}; }

 private:
  void wake_due();

  SeededRandom random_;
  ManualClock clock_;
  std::vector<Job> ready_;
  std::multimap<Instant, Job> waiting_;
  std::size_t ticks_ = 0;
};

}  // namespace sluice
