#pragma once
// OrderBoard: who waits for a change of an order. The ledger's reader says which order changed;
// whoever watches it is called once, on the reader's thread, outside of the lock. Any thread.
// Bounded by the requests that wait.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "shared/async/one_shot.h"
#include "shared/async/task.h"
#include "shared/base/clock.h"
#include "shared/ledger/order_id.h"
#include "shared/net/loop.h"
#include "shared/net/timer.h"

namespace sluice::frontend {

class OrderBoard {
 public:
  using Watcher = std::function<void()>;

  // Calls `watcher` at the next change, or at once when the service stops. Yields what unwatch()
  // wants.
  std::uint64_t watch(const ledger::PackedOrderId& order, Watcher watcher);
  // It is not called any more, but a call may be under way.
  void unwatch(const ledger::PackedOrderId& order, std::uint64_t ticket);

  void changed(const ledger::PackedOrderId& order);
  // The service stops: calls all.
  void stop();
  std::size_t watching() const { return size_; }
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }

 private:
  struct IdHash {
    std::size_t operator()(const ledger::PackedOrderId& id) const noexcept;
  };
  struct Entry {
    std::uint64_t ticket;
    Watcher watcher;
  };

  std::mutex mutex_;
  std::unordered_multimap<ledger::PackedOrderId, Entry, IdHash> entries_;  // guarded by mutex_
  std::uint64_t next_ticket_ = 1;                                          // guarded
  std::atomic<std::size_t> size_ = 0;  // of entries_: nobody watches while most orders are sold
  std::atomic<bool> stopped_ = false;
};

// One wait of a request: from its construction on no change is missed. On the loop's thread.
class OrderWatch {
 public:
  OrderWatch(OrderBoard& board, net::Loop& loop, const Clock& clock,
             const ledger::PackedOrderId& order);
  OrderWatch(const OrderWatch&) = delete;
  OrderWatch& operator=(const OrderWatch&) = delete;
  ~OrderWatch();

  // Resumes when the order has changed since the construction, or at the deadline. Once.
  Task<void> changed_or(Instant deadline);

 private:
  // Lives on while a wake-up is posted.
  struct Wake {
    OneShot<bool> shot;
    bool done = false;
    void set() {
      if (!std::exchange(done, true)) shot.set(true);
    }
  };

  OrderBoard& board_;
  const ledger::PackedOrderId order_;
  std::shared_ptr<Wake> wake_ = std::make_shared<Wake>();
  net::Timer timer_;
  std::uint64_t ticket_;
};

}  // namespace sluice::frontend
