#include "shared/net/loop.h"

#include <uv.h>

#include <csignal>
#include <utility>

#include "shared/base/check.h"

namespace sluice::net {

struct Loop::Handles {
  uv_loop_t loop;
  uv_async_t wake;
};

Loop::Loop() : handles_(std::make_unique<Handles>()), thread_(std::this_thread::get_id()) {
  std::signal(SIGPIPE, SIG_IGN);
  CHECK(uv_loop_init(&handles_->loop) == 0);
  handles_->wake.data = this;
  CHECK(uv_async_init(&handles_->loop, &handles_->wake,
                      [](uv_async_t* wake) { static_cast<Loop*>(wake->data)->run_posted(); }) == 0);
  uv_unref(reinterpret_cast<uv_handle_t*>(&handles_->wake));
}

Loop::~Loop() {
  thread_ = std::this_thread::get_id();
  while (run_posted()) {
  }
  uv_close(reinterpret_cast<uv_handle_t*>(&handles_->wake), nullptr);
  // Owners closed their handles when they were destroyed; the closings finish in these turns.
  static constexpr int kTurnsMax = 64;
  int closed = UV_EBUSY;
  for (int turn = 0; closed == UV_EBUSY && turn < kTurnsMax; ++turn) {
    uv_run(&handles_->loop, UV_RUN_NOWAIT);
    closed = uv_loop_close(&handles_->loop);
  }
  CHECK(closed == 0);
}

void Loop::run() {
  thread_ = std::this_thread::get_id();
  do {
    // A job posted while no handle was open does not wake uv_run: hence the outer loop.
    run_posted();
    if (!stopping_) uv_run(&handles_->loop, UV_RUN_DEFAULT);
    if (std::exchange(stopping_, false)) return;
  } while (run_posted() || uv_loop_alive(&handles_->loop) != 0);
}

void Loop::stop() {
  check_here();
  stopping_ = true;
  uv_stop(&handles_->loop);
}

void Loop::post(Job job) {
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    first = posted_.empty();
    posted_.push_back(std::move(job));
  }
  if (first) uv_async_send(&handles_->wake);
}

bool Loop::run_posted() {
  std::vector<Job> jobs;
  {
    std::lock_guard lock(mutex_);
    jobs.swap(posted_);
  }
  for (auto& job : jobs) job();
  return !jobs.empty();
}

void Loop::check_here() const {
  CHECK(thread_.load() == std::this_thread::get_id());
}

void Loop::work_started() {
  check_here();
  if (work_out_++ == 0) uv_ref(reinterpret_cast<uv_handle_t*>(&handles_->wake));
}

void Loop::work_finished() {
  check_here();
  CHECK(work_out_ > 0);
  if (--work_out_ == 0) uv_unref(reinterpret_cast<uv_handle_t*>(&handles_->wake));
}

uv_loop_s* Loop::raw() {
  return &handles_->loop;
}

}  // namespace sluice::net
