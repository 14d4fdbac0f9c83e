#pragma once
// WatchedThread: runs calls that may stand still for ever, such as a database client's that waits
// for its server, and gives up on one that does. No option of the client libraries covers all that
// they wait for (docs/decisions/0022-a-database-call-is-given-up-on.md).

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace sluice::orders {

// run() belongs to one thread at a time.
class WatchedThread {
 public:
  // Of the calls that were given up on and have not ended. With so many, none begins.
  static constexpr int kGivenUpMax = 4;
  // What stop() leaves to all calls together.
  static constexpr Millis kStopPatience{1'000};

  // A call stands still when it has used no processor time for so long: every byte that comes for
  // it wakes it, be the answer as long as it may.
  explicit WatchedThread(Millis patience);
  // Waits for nothing.
  ~WatchedThread();
  WatchedThread(const WatchedThread&) = delete;
  WatchedThread& operator=(const WatchedThread&) = delete;

  // Runs `call` on the thread; returns when it has ended. Code::unavailable: it was given up on, or
  // is not begun because others stand still or time is up. A call that was given up on may end at
  // any time after, so it has to own what it uses; the next one gets a thread of its own.
  Result<void> run(std::function<void()> call);

  // From any thread: calls have kStopPatience from now on.
  void stop();

  // For the end of main: ends the process when calls that were given up on still run, because
  // exit() takes from them what they use. Output has to be flushed before.
  static void exit_past_given_up(int status);

 private:
  struct Shared;

  bool ended(Shared& shared) const;

  const Millis patience_;
  const std::shared_ptr<std::atomic<int>> given_up_;
  std::atomic<Instant> stop_at_{Instant::never()};
  std::shared_ptr<Shared> shared_;  // with the thread that runs; null: none
  std::thread thread_;
};

}  // namespace sluice::orders
