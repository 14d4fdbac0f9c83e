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
#include <type_traits>
#include <utility>

#include "shared/base/check.h"

namespace sluice {

template <class T = void>
class Task;

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

template <class T>
struct TaskPromise : TaskPromiseBase {
  std::optional<T> value;

  Task<T> get_return_object();
  template <class U>
  void return_value(U&& v) {
    value.emplace(std::forward<U>(v));
  }
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  Task<void> get_return_object();
  void return_void() {}
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;

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
    if constexpr (!std::is_void_v<T>) return std::move(*handle_.promise().value);
  }

 private:
  friend promise_type;
  using Handle = std::coroutine_handle<promise_type>;
  explicit Task(Handle handle) : handle_(handle) {}

  void destroy() {
    if (!handle_) return;
    CHECK(done());
    handle_.destroy();
  }

  Handle handle_;
};

template <class T>
Task<T> detail::TaskPromise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

inline Task<void> detail::TaskPromise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

}  // namespace sluice
