#pragma once
// Task<T>: the one coroutine type. Eager: it runs at the call until it first waits, so a loop over
// calls that finish at once never grows the stack. Move-only; whoever holds it awaits it. A Task
// that is destroyed before it finished is a bug (CHECK): background work goes through a Gate.
//
// Single-threaded: a Task is created, resumed and destroyed on one thread (its loop's). An
// exception that escapes a coroutine body ends the process: failures are Results.

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "shared/base/check.h"

namespace sluice {

namespace detail {

struct TaskPromiseBase {
  std::coroutine_handle<> waiter;  // who awaits this task, if anyone does yet
  bool finished = false;

  std::suspend_never initial_suspend() noexcept { return {}; }

  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
      self.promise().finished = true;
      auto next = self.promise().waiter;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };
  FinalAwaiter final_suspend() noexcept { return {}; }

  [[noreturn]] void unhandled_exception() noexcept { std::terminate(); }
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Task {
 public:
  struct promise_type : detail::TaskPromiseBase {
    std::optional<T> value;

    Task get_return_object() { return Task(Handle::from_promise(*this)); }
    template <class U>
    void return_value(U&& v) {
      value.emplace(std::forward<U>(v));
    }
  };

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~Task() { destroy(); }

  bool done() const { return handle_.promise().finished; }

  // Awaiting yields the value by move; at most one awaiter, once.
  bool await_ready() const noexcept { return done(); }
  void await_suspend(std::coroutine_handle<> waiter) noexcept {
    CHECK(!handle_.promise().waiter);
    handle_.promise().waiter = waiter;
  }
  T await_resume() { return take(); }

  // The value of a task known to be done.
  T take() {
    CHECK(done());
    return std::move(*handle_.promise().value);
  }

 private:
  using Handle = std::coroutine_handle<promise_type>;
  explicit Task(Handle handle) : handle_(handle) {}

  void destroy() {
    if (!handle_) return;
    CHECK(done());
    handle_.destroy();
  }

  Handle handle_;
};

template <>
class [[nodiscard]] Task<void> {
 public:
  struct promise_type : detail::TaskPromiseBase {
    Task get_return_object() { return Task(Handle::from_promise(*this)); }
    void return_void() {}
  };

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~Task() { destroy(); }

  bool done() const { return handle_.promise().finished; }
  bool await_ready() const noexcept { return done(); }
  void await_suspend(std::coroutine_handle<> waiter) noexcept {
    CHECK(!handle_.promise().waiter);
    handle_.promise().waiter = waiter;
  }
  void await_resume() {}

 private:
  using Handle = std::coroutine_handle<promise_type>;
  explicit Task(Handle handle) : handle_(handle) {}

  void destroy() {
    if (!handle_) return;
    CHECK(done());
    handle_.destroy();
  }

  Handle handle_;
};

}  // namespace sluice
