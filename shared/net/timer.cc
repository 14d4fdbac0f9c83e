#include "shared/net/timer.h"

#include <uv.h>

#include <algorithm>
#include <utility>

#include "shared/async/one_shot.h"
#include "shared/base/check.h"

namespace sluice::net {

struct Timer::Handle {
  uv_timer_t timer;
  Timer* owner;
};

struct Timer::Callbacks {
  static void on_fired(uv_timer_t* timer) { static_cast<Handle*>(timer->data)->owner->fired(); }
  static void on_closed(uv_handle_t* closed) {
    const std::unique_ptr<Handle> handle(static_cast<Handle*>(closed->data));
  }
};

Timer::Timer(Loop& loop, const Clock& clock)
    : loop_(loop), clock_(clock), handle_(std::make_unique<Handle>().release()) {
  loop_.check_here();
  handle_->owner = this;
  CHECK(uv_timer_init(loop_.raw(), &handle_->timer) == 0);
  handle_->timer.data = handle_;
}

Timer::~Timer() {
  handle_->owner = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_->timer), Callbacks::on_closed);
}

void Timer::arm(Instant at, Callback callback) {
  if (at == Instant::never()) return disarm();
  callback_ = std::move(callback);
  at_ = at;
  if (wakes_at_ > at_) schedule(clock_.now());
}

void Timer::disarm() {
  at_ = Instant::never();
  wakes_at_ = Instant::never();
  callback_ = nullptr;
  uv_timer_stop(&handle_->timer);
}

void Timer::schedule(Instant now) {
  // A day at most per sleep: libuv counts milliseconds and far deadlines are re-checked for free.
  static constexpr std::chrono::nanoseconds kSleepMax = std::chrono::hours(24);
  const auto left = std::clamp(at_ - now, std::chrono::nanoseconds(0), kSleepMax);
  wakes_at_ = now + left;
  uv_update_time(loop_.raw());
  uv_timer_start(&handle_->timer, Callbacks::on_fired,
                 static_cast<std::uint64_t>(std::chrono::ceil<Millis>(left).count()), 0);
}

void Timer::fired() {
  wakes_at_ = Instant::never();
  const Instant now = clock_.now();
  if (now < at_) return schedule(now);
  at_ = Instant::never();
  auto callback = std::exchange(callback_, nullptr);
  callback();  // may destroy this
}

Task<void> sleep_until(Loop& loop, const Clock& clock, Instant at) {
  Timer timer(loop, clock);
  OneShot<bool> due;
  timer.arm(at, [&due] { due.set(true); });
  co_await due;
}

}  // namespace sluice::net
