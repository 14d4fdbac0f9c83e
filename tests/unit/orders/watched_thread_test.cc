#include "shared/orders/watched_thread.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

#include "shared/orders/watched.h"

using namespace sluice;
using namespace sluice::orders;

namespace {

constexpr Millis kPatience{40};

// Calls that stand still until they are let go; they all have ended when it is gone.
class StandingStill {
 public:
  std::function<void()> call() {
    auto ended = std::make_shared<std::latch>(1);
    ended_.push_back(ended);
    return [let_go = let_go_, ended] {
      let_go->wait();
      ended->count_down();
    };
  }
  void let_go() {
    let_go_->count_down();
    for (const auto& ended : ended_) ended->wait();
    ended_.clear();
    let_go_ = std::make_shared<std::latch>(1);
  }
  ~StandingStill() { let_go(); }

 private:
  std::shared_ptr<std::latch> let_go_ = std::make_shared<std::latch>(1);
  std::vector<std::shared_ptr<std::latch>> ended_;
};

// Whether a call ends; where others have just been let go, after some attempts.
bool works(WatchedThread& thread, int attempts = 1) {
  for (int i = 0; i < attempts; ++i) {
    bool ran = false;
    if (thread.run([&ran] { ran = true; })) return ran;
    std::this_thread::yield();
  }
  return false;
}

}  // namespace

TEST_CASE("a call that stands still is given up on, and the next one runs") {
  WatchedThread thread(kPatience);
  StandingStill still;
  CHECK(works(thread));
  const auto done = thread.run(still.call());
  REQUIRE(!done);
  CHECK(done.error().code == Code::unavailable);
  CHECK(done.error().context == "the orders database: no answer for 0.04 s");
  CHECK(works(thread));
  CHECK(works(thread));
}

TEST_CASE("a call that works on is waited for, however long it takes") {
  WatchedThread thread(kPatience);
  const SystemClock clock;
  CHECK(thread.run([&clock] {
    const Instant until = clock.now() + 10 * kPatience;
    while (clock.now() < until) {
    }
  }));
}

TEST_CASE("so many that were given up on, and no more begin until they end") {
  WatchedThread thread(kPatience);
  StandingStill still;
  for (int i = 0; i < WatchedThread::kGivenUpMax; ++i) REQUIRE(!thread.run(still.call()));
  bool begun = false;
  const auto refused = thread.run([&begun] { begun = true; });
  REQUIRE(!refused);
  CHECK(refused.error().context ==
        "the orders database: 4 calls that were given up on stand still");
  CHECK(!begun);
  still.let_go();
  CHECK(works(thread, 1'000'000));
}

TEST_CASE("stop() leaves a second to what runs and to what follows") {
  WatchedThread thread(std::chrono::hours(1));
  StandingStill still;
  const SystemClock clock;
  const Instant began = clock.now();
  thread.stop();
  CHECK(works(thread));
  const auto running = thread.run(still.call());
  REQUIRE(!running);
  CHECK(running.error().context == "the orders database: stopping, and no answer yet");
  CHECK(clock.now() - began >= WatchedThread::kStopPatience);
  CHECK(!works(thread));
}

TEST_CASE("a resource stays with the call that was given up on, and another one is opened") {
  std::atomic<int> opened = 0;
  Watched<int> numbers(
      [&opened]() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(++opened); },
      kPatience);
  const auto which = [&numbers] { return *numbers.ask([](int& n) { return Result<int>(n); }); };
  CHECK(which() == 1);
  CHECK(which() == 1);
  StandingStill still;
  CHECK(!numbers.ask([wait = still.call()](int& n) {
    wait();
    return Result<int>(n);
  }));
  CHECK(which() == 2);
  still.let_go();
  CHECK(which() == 2);
}

TEST_CASE("a resource that cannot be opened is tried again by the next call") {
  std::atomic<int> attempts = 0;
  Watched<int> numbers([&attempts]() -> Result<std::unique_ptr<int>> {
    if (++attempts == 1) return fail(Code::unavailable, "not yet");
    return std::make_unique<int>(7);
  });
  const auto number = [](int& n) { return Result<int>(n); };
  const auto first = numbers.ask(number);
  REQUIRE(!first);
  CHECK(first.error().context == "not yet");
  CHECK(numbers.ask(number) == 7);
}
