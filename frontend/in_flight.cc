#include "frontend/in_flight.h"

#include <algorithm>
#include <cstring>

#include "shared/base/check.h"

namespace sluice::frontend {

// The id is a hash already.
std::size_t InFlight::IdHash::operator()(const ledger::PackedOrderId& id) const noexcept {
  std::size_t hash;
  std::memcpy(&hash, id.data(), sizeof hash);
  return hash;
}

std::optional<Placement> InFlight::wait(Entry& entry, const ledger::PackedOrderId& id, Instant now,
                                        Waiter& waiter) {
  if (entry.state == State::durable) return Placement::queued;
  if (entry.state == State::doubtful || stopped_) return Placement::pending;
  entry.waiters.push_back(std::move(waiter));
  deadlines_.emplace_back(now + answer_within_, id);
  return std::nullopt;
}

void InFlight::add(const ledger::PackedOrderId& id, ledger::Reserve reserve, std::int32_t partition,
                   Instant now, Waiter waiter) {
  std::optional<Placement> placement;
  {
    const std::lock_guard lock(mutex_);
    const auto [entry, added] =
        entries_.emplace(id, Entry{.reserve = std::move(reserve), .partition = partition});
    CHECK(added);
    placement = wait(entry->second, id, now, waiter);
  }
  if (placement) waiter(*placement);
}

bool InFlight::join(const ledger::PackedOrderId& id, Instant now, Waiter& waiter) {
  std::optional<Placement> placement;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(id);
    if (entry == entries_.end()) return false;
    placement = wait(entry->second, id, now, waiter);
  }
  if (placement) waiter(*placement);
  return true;
}

std::optional<InFlight::View> InFlight::find(const ledger::PackedOrderId& id) const {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(id);
  if (entry == entries_.end()) return std::nullopt;
  return View{entry->second.reserve, entry->second.state == State::durable};
}

void InFlight::delivered(const ledger::PackedOrderId& id, client::Outcome outcome, Undo undo) {
  std::vector<Waiter> waiters;
  std::optional<ledger::Reserve> undone;
  auto placement = Placement::queued;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(id);
    if (entry == entries_.end()) return;  // the log was faster than the report
    waiters = std::exchange(entry->second.waiters, {});
    switch (outcome) {
      case client::Outcome::persisted:
        entry->second.state = State::durable;
        break;
      case client::Outcome::possibly_persisted:
        entry->second.state = State::doubtful;
        ++doubtful_;
        placement = Placement::pending;
        break;
      case client::Outcome::not_persisted:
        undone = std::move(entry->second.reserve);
        entries_.erase(entry);
        placement = Placement::not_reserved;
        break;
    }
  }
  if (undone) undo(*undone);
  answer(std::move(waiters), placement);
}

void InFlight::seen(const ledger::PackedOrderId& id, std::int32_t partition, Judge judge) {
  std::optional<Entry> read;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(id);
    if (entry == entries_.end() || entry->second.partition != partition) return;
    if (entry->second.state == State::doubtful) --doubtful_;
    read = std::move(entry->second);
    entries_.erase(entry);
  }
  const Placement placement = judge(read->reserve);
  answer(std::move(read->waiters), placement);
}

std::vector<ledger::Reserve> InFlight::settle(std::int32_t partition, std::int64_t epoch) {
  const std::lock_guard lock(mutex_);
  std::vector<ledger::Reserve> undo;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const Entry& e = entry->second;
    const bool is_void =
        e.state == State::doubtful && e.partition == partition && e.reserve.epoch < epoch;
    if (!is_void) {
      ++entry;
      continue;
    }
    undo.push_back(std::move(entry->second.reserve));
    entries_.erase(entry++);
    --doubtful_;
  }
  return undo;
}

void InFlight::expire(Instant now) {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    while (!deadlines_.empty() && deadlines_.front().first <= now) {
      const auto entry = entries_.find(deadlines_.front().second);
      deadlines_.pop_front();
      if (entry == entries_.end()) continue;
      for (auto& waiter : std::exchange(entry->second.waiters, {})) {
        waiters.push_back(std::move(waiter));
      }
    }
  }
  answer(std::move(waiters), Placement::pending);
}

void InFlight::stop_waiting() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  expire(Instant::never());
}

std::vector<std::int32_t> InFlight::doubtful_partitions() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::int32_t> partitions;
  if (doubtful_ == 0) return partitions;
  for (const auto& [id, entry] : entries_) {
    if (entry.state == State::doubtful) partitions.push_back(entry.partition);
  }
  std::ranges::sort(partitions);
  partitions.erase(std::ranges::unique(partitions).begin(), partitions.end());
  return partitions;
}

std::size_t InFlight::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

std::size_t InFlight::doubtful() const {
  const std::lock_guard lock(mutex_);
  return doubtful_;
}

void InFlight::answer(std::vector<Waiter> waiters, Placement placement) {
  for (auto& waiter : waiters) waiter(placement);
}

}  // namespace sluice::frontend
