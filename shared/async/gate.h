#pragma once
// Gate: where background coroutines live. spawn() keeps a task until it finishes; close() waits for
// all of them. Single-threaded. REQUIRES: closed (nothing running) when destroyed.

#include <coroutine>
#include <cstddef>
#include <exception>
#include <utility>

#include "shared/async/task.h"
#include "shared/base/check.h"

namespace sluice {

class Gate {
 public:
  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { CHECK(running_ == 0); }

  void spawn(Task<void> task) {
    ++running_;
    keep(this, std::move(task));
  }

  std::size_t running() const { return running_; }

  // Finishes when nothing runs any more. The caller has already asked the tasks to end. At most one
  // caller at a time.
  Task<void> close() {
    while (running_ != 0) co_await Idle{this};
  }

 private:
  struct Detached {
    struct promise_type {
      Detached get_return_object() { return {}; }
      std::suspend_never initial_suspend() noexcept { return {}; }
      std::suspend_never final_suspend() noexcept { return {}; }
      void return_void() {}
      [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
    };
  };
  struct Idle {
    Gate* gate;
    bool await_ready() const noexcept { return gate->running_ == 0; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
      CHECK(!gate->waiter_);
      gate->waiter_ = waiter;
    }
    void await_resume() noexcept {}
  };

  static Detached keep(Gate* gate, Task<void> task) {
    {
      Task<void> kept = std::move(task);  // destroyed before the gate may be
      co_await kept;
    }
    if (--gate->running_ == 0 && gate->waiter_) std::exchange(gate->waiter_, {}).resume();
  }

  std::size_t running_ = 0;
  std::coroutine_handle<> waiter_;
};

}  // namespace sluice
