#pragma once
// Channel<T>: a bounded FIFO between coroutines of one thread: one pusher, one popper. The bound is
// the back-pressure: push() waits while the channel is full.

#include <coroutine>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "shared/async/task.h"
#include "shared/base/check.h"

namespace sluice {

template <class T>
class Channel {
 public:
  explicit Channel(std::size_t capacity) : capacity_(capacity) { CHECK(capacity > 0); }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Waits for room. False: the channel was closed and the value is dropped.
  Task<bool> push(T value) {
    while (!closed_ && items_.size() >= capacity_) co_await Wait{&pusher_};
    if (closed_) co_return false;
    items_.push_back(std::move(value));
    wake(popper_);
    co_return true;
  }

  // Waits for a value. Empty: the channel was closed and everything pushed has been taken.
  Task<std::optional<T>> pop() {
    while (!closed_ && items_.empty()) co_await Wait{&popper_};
    if (items_.empty()) co_return std::nullopt;
    std::optional<T> value(std::move(items_.front()));
    items_.pop_front();
    wake(pusher_);
    co_return value;
  }

  // No more pushes; what is inside can still be popped.
  void close() {
    closed_ = true;
    wake(pusher_);
    wake(popper_);
  }

  std::size_t size() const { return items_.size(); }
  bool closed() const { return closed_; }

 private:
  struct Wait {
    std::coroutine_handle<>* slot;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) noexcept {
      CHECK(!*slot);
      *slot = waiter;
    }
    void await_resume() noexcept {}
  };

  static void wake(std::coroutine_handle<>& slot) {
    if (slot) std::exchange(slot, {}).resume();
  }

  std::size_t capacity_;
  bool closed_ = false;
  std::deque<T> items_;
  std::coroutine_handle<> pusher_;
  std::coroutine_handle<> popper_;
};

}  // namespace sluice
