#pragma once
// ThreadPool: the real Offload: n threads that run blocking jobs and hand the results back to a
// Loop. With one thread the jobs run in the order of the calls. run() is called on the loop thread.
// The queue is not bounded: its callers (a committer, cold reads) bound what they have in flight.
//
// The destructor lets every queued job run and joins the threads; the results wait in the Loop,
// which runs them in its next turn.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "shared/async/offload.h"
#include "shared/net/loop.h"

namespace sluice::net {

class ThreadPool final : public Offload {
 public:
  // `name` is what top and a debugger show (cut to 15 characters). REQUIRES: threads > 0.
  ThreadPool(Loop& loop, std::size_t threads, const std::string& name);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool() override;

 protected:
  void submit(Job work, Job done) override;

 private:
  struct Item {
    Job work;
    Job done;
  };

  void serve();

  Loop& loop_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> queue_;  // guarded by mutex_
  bool closing_ = false;    // guarded by mutex_
  std::vector<std::jthread> threads_;
};

}  // namespace sluice::net
