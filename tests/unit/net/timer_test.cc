#include "shared/net/timer.h"

#include <doctest/doctest.h>

#include <csignal>
#include <memory>

#include "shared/net/signals.h"
#include "tests/support/manual_clock.h"

namespace sluice::net {

TEST_CASE("a timer is never early by its clock") {
  Loop loop;
  SystemClock clock;
  const auto due = clock.now() + std::chrono::microseconds(1500);
  Instant fired_at;
  Timer timer(loop, clock);
  timer.arm(due, [&] { fired_at = clock.now(); });
  CHECK(timer.armed());
  loop.run();
  CHECK_FALSE(timer.armed());
  CHECK_GE(fired_at, due);
}

TEST_CASE("the last arm wins, earlier or later; disarm silences") {
  Loop loop;
  SystemClock clock;
  int fired = 0;
  Timer timer(loop, clock);
  timer.arm(clock.now() + std::chrono::hours(1), [&] { fired = 1; });
  timer.arm(clock.now() + Millis(1), [&] { fired = 2; });
  timer.arm(clock.now() + Millis(3), [&] { fired = 3; });
  loop.run();
  CHECK_EQ(fired, 3);
  timer.arm(clock.now(), [&] { fired = 4; });
  timer.disarm();
  loop.run();
  CHECK_EQ(fired, 3);
  timer.arm(Instant::never(), [&] { fired = 5; });
  loop.run();
  CHECK_EQ(fired, 3);
}

TEST_CASE("the clock decides, not the loop's own time") {
  Loop loop;
  ManualClock clock;
  int fired = 0;
  Timer timer(loop, clock);
  timer.arm(clock.now() + Millis(1), [&] { ++fired; });
  SystemClock real;
  Timer stopper(loop, real);
  stopper.arm(real.now() + Millis(5), [&] { clock.advance(Millis(1)); });
  loop.run();
  CHECK_EQ(fired, 1);
  CHECK_FALSE(stopper.armed());
}

TEST_CASE("a callback may re-arm or destroy its timer") {
  Loop loop;
  SystemClock clock;
  int fired = 0;
  auto timer = std::make_unique<Timer>(loop, clock);
  timer->arm(clock.now(), [&] {
    ++fired;
    timer->arm(clock.now(), [&] {
      ++fired;
      timer.reset();
    });
  });
  loop.run();
  CHECK_EQ(fired, 2);
}

TEST_CASE("sleep_until resumes on the loop") {
  Loop loop;
  SystemClock clock;
  const auto due = clock.now() + Millis(2);
  auto sleeping = sleep_until(loop, clock, due);
  CHECK_FALSE(sleeping.done());
  loop.run();
  CHECK(sleeping.done());
  CHECK_GE(clock.now(), due);
}

TEST_CASE("signals arrive as calls and do not keep the loop running") {
  Loop loop;
  int number = 0;
  Signals signals(loop, [&](int arrived) {
    number = arrived;
    loop.work_finished();
  });
  loop.run();
  loop.work_started();
  loop.post([] { raise(SIGTERM); });
  loop.run();
  CHECK_EQ(number, SIGTERM);
}

}  // namespace sluice::net
