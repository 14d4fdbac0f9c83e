#pragma once
// OneShot<T>: a value that one coroutine waits for and somebody sets later, once. It stays at one
// address (it is the meeting point), usually as a local of the coroutine that waits.
// Single-threaded. set() resumes the waiter before it returns, so the caller's state must be
// consistent by then and the OneShot may be gone afterwards.

#include <coroutine>
#include <optional>
#include <utility>

#include "shared/base/check.h"

namespace sluice {

template <class T>
class OneShot {
 public:
  OneShot() = default;
  OneShot(const OneShot&) = delete;
  OneShot& operator=(const OneShot&) = delete;

  void set(T value) {
    CHECK(!value_);
    value_.emplace(std::move(value));
    if (waiter_) std::exchange(waiter_, {}).resume();
  }

  bool await_ready() const noexcept { return value_.has_value(); }
  void await_suspend(std::coroutine_handle<> waiter) noexcept {
    CHECK(!waiter_);
    waiter_ = waiter;
  }
  T await_resume() { return std::move(*value_); }

 private:
  std::optional<T> value_;
  std::coroutine_handle<> waiter_;
};

}  // namespace sluice
