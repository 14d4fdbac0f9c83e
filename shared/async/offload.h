#pragma once
// Offload: runs blocking work (RocksDB, a database) away from the loop and resumes the coroutine on
// it. An interface, so that a simulation decides when the work "happens".

#include <coroutine>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "shared/async/task.h"

namespace sluice {

class Offload {
 public:
  using Job = std::move_only_function<void()>;

  virtual ~Offload() = default;

  // Runs `job` on some other thread; the result arrives on the loop thread. Jobs of a one-thread
  // Offload run in the order of the calls. `job` must not touch what the loop may change meanwhile.
  template <class Fn>
  Task<std::invoke_result_t<Fn&>> run(Fn job) {
    using T = std::invoke_result_t<Fn&>;
    if constexpr (std::is_void_v<T>) {
      co_await Submit{this, [&job] { job(); }};
    } else {
      std::optional<T> result;
      co_await Submit{this, [&result, &job] { result.emplace(job()); }};
      co_return std::move(*result);
    }
  }

 protected:
  // Calls `work` off the loop, then `done` on the loop.
  virtual void submit(Job work, Job done) = 0;

 private:
  struct Submit {
    Offload* offload;
    Job work;
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
      offload->submit(std::move(work), [waiter] { waiter.resume(); });
    }
    void await_resume() noexcept {}
  };
};

}  // namespace sluice
