#include "shared/net/thread_pool.h"

#include <pthread.h>

#include <utility>

#include "shared/base/check.h"

namespace sluice::net {

ThreadPool::ThreadPool(Loop& loop, std::size_t threads, const std::string& name) : loop_(loop) {
  CHECK(threads > 0);
  static constexpr std::size_t kNameMax = 15;  // the kernel's limit
  for (std::size_t i = 0; i < threads; ++i) {
    auto& thread = threads_.emplace_back([this] { serve(); });
    pthread_setname_np(thread.native_handle(), name.substr(0, kNameMax).c_str());
  }
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  threads_.clear();  // joins
}

void ThreadPool::submit(Job work, Job done) {
  loop_.work_started();
  {
    std::lock_guard lock(mutex_);
    CHECK(!closing_);
    queue_.push_back({std::move(work), std::move(done)});
  }
  wake_.notify_one();
}

void ThreadPool::serve() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Item item = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    item.work();
    loop_.post([&loop = loop_, done = std::move(item.done)]() mutable {
      loop.work_finished();
      done();
    });
    lock.lock();
  }
}

}  // namespace sluice::net
