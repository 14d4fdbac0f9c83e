#include "frontend/order_board.h"

#include <cstring>
#include <utility>
#include <vector>

namespace sluice::frontend {

// The id is a hash already.
std::size_t OrderBoard::IdHash::operator()(const ledger::PackedOrderId& id) const noexcept {
  std::size_t hash;
  std::memcpy(&hash, id.data(), sizeof hash);
  return hash;
}

std::uint64_t OrderBoard::watch(const ledger::PackedOrderId& order, Watcher watcher) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopped_) {
      entries_.emplace(order, Entry{next_ticket_, std::move(watcher)});
      size_ = entries_.size();
      return next_ticket_++;
    }
  }
  watcher();
  return 0;
}

void OrderBoard::unwatch(const ledger::PackedOrderId& order, std::uint64_t ticket) {
  const std::lock_guard lock(mutex_);
  const auto [first, last] = entries_.equal_range(order);
  for (auto entry = first; entry != last; ++entry) {
    if (entry->second.ticket != ticket) continue;
    entries_.erase(entry);
    size_ = entries_.size();
    return;
  }
}

// Sequentially consistent: who watches and then looks at the order sees the change, or is called.
void OrderBoard::changed(const ledger::PackedOrderId& order) {
  if (size_ == 0) return;
  std::vector<Watcher> watchers;
  {
    const std::lock_guard lock(mutex_);
    const auto [first, last] = entries_.equal_range(order);
    for (auto entry = first; entry != last; ++entry) {
      watchers.push_back(std::move(entry->second.watcher));
    }
    entries_.erase(first, last);
    size_ = entries_.size();
  }
  for (const Watcher& watcher : watchers) watcher();
}

void OrderBoard::stop() {
  std::vector<Watcher> watchers;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (auto& [order, entry] : entries_) watchers.push_back(std::move(entry.watcher));
    entries_.clear();
    size_ = 0;
  }
  for (const Watcher& watcher : watchers) watcher();
}

OrderWatch::OrderWatch(OrderBoard& board, net::Loop& loop, const Clock& clock,
                       const ledger::PackedOrderId& order)
    : board_(board), order_(order), timer_(loop, clock) {
  ticket_ = board_.watch(order, [&loop, wake = wake_] { loop.post([wake] { wake->set(); }); });
}

OrderWatch::~OrderWatch() {
  board_.unwatch(order_, ticket_);
}

Task<void> OrderWatch::changed_or(Instant deadline) {
  timer_.arm(deadline, [wake = wake_] { wake->set(); });
  co_await wake_->shot;
  timer_.disarm();
}

}  // namespace sluice::frontend
