#include "shared/orders/watched_thread.h"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "shared/orders/session.h"

namespace sluice::orders {
namespace {

constexpr Millis kLook{250};  // at a call's processor time, and for stop()

std::atomic<int> given_up_of_process{0};

Instant now() {
  return SystemClock().now();
}

}  // namespace

// What a thread and those who wait for it have in common; it outlives them.
struct WatchedThread::Shared {
  std::mutex mutex;
  std::condition_variable news;
  std::function<void()> call;  // guarded by mutex, as all that follows; null: none
  bool closed = false;
  std::shared_ptr<std::atomic<int>> given_up;  // null: not given up on
  std::optional<clockid_t> processor_time;     // null: the thread has not begun

  void work() {
    std::unique_lock lock(mutex);
    clockid_t mine{};
    if (pthread_getcpuclockid(pthread_self(), &mine) == 0) processor_time = mine;
    while (true) {
      news.wait(lock, [this] { return call != nullptr || closed; });
      if (!call) return;
      lock.unlock();
      call();
      lock.lock();
      call = nullptr;
      news.notify_all();
      if (!given_up) continue;
      given_up->fetch_sub(1);
      given_up_of_process.fetch_sub(1);
      return;
    }
  }

  // Processor time, in nanoseconds.
  std::int64_t used() const {
    timespec time{};
    if (!processor_time || clock_gettime(*processor_time, &time) != 0) return 0;
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  }
};

WatchedThread::WatchedThread(Millis patience)
    : patience_(patience), given_up_(std::make_shared<std::atomic<int>>(0)) {}

WatchedThread::~WatchedThread() {
  if (!shared_) return;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->closed = true;
  }
  shared_->news.notify_all();
  thread_.join();  // it has no call
}

Result<void> WatchedThread::run(std::function<void()> call) {
  if (stop_at_.load() <= now()) return unavailable("stopping");
  if (given_up_->load() >= kGivenUpMax) {
    return unavailable(fmt::format("{} calls that were given up on stand still", kGivenUpMax));
  }
  if (!shared_) {
    shared_ = std::make_shared<Shared>();
    thread_ = std::thread([shared = shared_] { shared->work(); });
  }
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->call = std::move(call);
  }
  shared_->news.notify_all();
  if (ended(*shared_)) return {};
  thread_.detach();
  shared_.reset();
  if (stop_at_.load() <= now()) return unavailable("stopping, and no answer yet");
  return unavailable(
      fmt::format("no answer for {} s", std::chrono::duration<double>(patience_).count()));
}

// False: it is given up on.
bool WatchedThread::ended(Shared& shared) const {
  std::unique_lock lock(shared.mutex);
  Instant moved_at = now();
  std::int64_t used = 0;
  while (shared.call) {
    const Instant at = now();
    if (const auto more = shared.used(); more != used) {
      used = more;
      moved_at = at;
    }
    const Instant until = std::min(moved_at + patience_, stop_at_.load());
    if (at >= until) {
      shared.given_up = given_up_;
      given_up_->fetch_add(1);
      given_up_of_process.fetch_add(1);
      return false;
    }
    shared.news.wait_for(lock, std::min<std::chrono::nanoseconds>(kLook, until - at));
  }
  return true;
}

void WatchedThread::stop() {
  stop_at_ = now() + kStopPatience;
}

void WatchedThread::exit_past_given_up(int status) {
  if (given_up_of_process.load() > 0) std::_Exit(status);
}

}  // namespace sluice::orders
