#pragma once
// SimOffload: an Offload whose jobs happen on the SimLoop, each at a time that the seed draws. With
// one thread they happen, and are reported, in the order of the calls. Outlives its jobs.

#include <deque>
#include <utility>

#include "shared/async/offload.h"
#include "tests/support/sim_loop.h"

namespace sluice {

class SimOffload final : public Offload {
 public:
  enum class Threads : unsigned char { one, many };

  // `slowest`: how long a job, and the way back to the loop, may take at most.
  SimOffload(SimLoop& loop, Threads threads, Millis slowest)
      : loop_(loop), threads_(threads), slowest_(slowest) {}

  void set_slowest(Millis slowest) { slowest_ = slowest; }

 protected:
  void submit(Job work, Job done) override {
    if (threads_ == Threads::many) {
      run(std::move(work), std::move(done));
      return;
    }
    queue_.emplace_back(std::move(work), std::move(done));
    if (queue_.size() == 1) run_front();
  }

 private:
  void run(Job work, Job done) {
    loop_.after(loop_.up_to(slowest_),
                [this, work = std::move(work), done = std::move(done)]() mutable {
                  work();
                  loop_.after(loop_.up_to(slowest_), std::move(done));
                });
  }

  void run_front() {
    auto [work, done] = std::move(queue_.front());
    run(std::move(work), [this, done = std::move(done)]() mutable {
      queue_.pop_front();
      if (!queue_.empty()) run_front();
      done();  // last: it may end the one who owns us
    });
  }

  SimLoop& loop_;
  const Threads threads_;
  Millis slowest_;
  std::deque<std::pair<Job, Job>> queue_;  // the front one runs
};

}  // namespace sluice
