#pragma once
// Collects what a producer calls back with.

#include <condition_variable>
#include <mutex>
#include <vector>

#include "shared/base/clock.h"
#include "shared/client/producer.h"

namespace sluice::client {

inline constexpr Millis kPatience{30'000};  // a loaded machine is slow, a broken test is slower

// Thread-safe; outlives the producer.
class Deliveries {
 public:
  Producer::Done done() {
    return [this](Delivery delivery) {
      const std::lock_guard lock(mutex_);
      all_.push_back(std::move(delivery));
      changed_.notify_all();
    };
  }

  // As soon as there are `count`, or what there is after kPatience.
  std::vector<Delivery> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [&] { return all_.size() >= count; });
    return all_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Delivery> all_;
};

// True as soon as the condition holds, false after kPatience.
template <class Condition>
bool eventually(Condition condition) {
  const SystemClock clock;
  const Instant deadline = clock.now() + kPatience;
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  while (!condition()) {
    if (clock.now() >= deadline) return false;
    never.wait_for(lock, Millis(5));
  }
  return true;
}

}  // namespace sluice::client
