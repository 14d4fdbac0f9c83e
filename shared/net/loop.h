#pragma once
// Loop: one event loop and the thread that runs it. Owns the libuv loop; every socket, timer and
// pool of this folder belongs to one Loop and must be destroyed before it.
//
// All is single-threaded (the thread that calls run(), or the constructing one before that) except
// post(). Constructing a Loop ignores SIGPIPE in the process: a write to a closed socket is an
// error value here, not a signal.

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

struct uv_loop_s;

namespace sluice::net {

class Loop {
 public:
  using Job = std::move_only_function<void()>;

  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  // REQUIRES: whatever used the loop is destroyed. Runs what was posted and not yet run.
  ~Loop();

  // Runs until stop(), or until nothing is open and nothing posted. May be called again.
  void run();

  // Makes run() return soon. Loop thread only; elsewhere: post([&] { loop.stop(); }).
  void stop();

  // Runs `job` on the loop thread, in the order of the posts. Thread-safe. Not bounded: what posts
  // must itself be bounded (a pool answers only what it was given).
  void post(Job job);

  // CHECKs that the caller is on the loop's thread.
  void check_here() const;

  // While work is out on other threads run() must not return for want of open handles.
  void work_started();
  void work_finished();

  uv_loop_s* raw();

 private:
  struct Handles;

  bool run_posted();

  std::unique_ptr<Handles> handles_;
  std::atomic<std::thread::id> thread_;
  bool stopping_ = false;
  std::size_t work_out_ = 0;
  std::mutex mutex_;
  std::vector<Job> posted_;  // guarded by mutex_
};

}  // namespace sluice::net
