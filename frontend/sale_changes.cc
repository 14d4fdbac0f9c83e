#include "frontend/sale_changes.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "shared/base/check.h"

namespace sluice::frontend {

SaleChanges::Claim SaleChanges::claim(std::string_view sale, std::string_view change,
                                      std::string_view request, Instant now, Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(sale);
  if (found == entries_.end()) {
    Entry& entry = entries_[std::string(sale)];
    entry.change = change;
    entry.request = request;
    entry.deadline = stopped_ ? now : now + answer_within_;
    entry.waiters.push_back(std::move(waiter));
    return Claim::taken;
  }
  Entry& entry = found->second;
  if (entry.change != change) return Claim::busy;
  if (entry.request != request) return Claim::reused;
  entry.deadline = stopped_ ? now : now + answer_within_;
  entry.waiters.push_back(std::move(waiter));
  return Claim::joined;
}

void SaleChanges::abandon(std::string_view sale) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(sale);
  CHECK(entry != entries_.end() && entry->second.state == State::claimed);
  entries_.erase(entry);
}

void SaleChanges::sending(const ledger::Sale& change, std::int32_t partition) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(change.sale);
  CHECK(entry != entries_.end() && entry->second.state == State::claimed);
  entry->second.partition = partition;
  entry->second.epoch = change.epoch;
  entry->second.state = State::sending;
  if (SaleStock* sale = stock_.find(change.sale)) sale->announce(change);
}

std::vector<SaleChanges::Waiter> SaleChanges::finish(Entries::iterator entry) {
  if (SaleStock* sale = stock_.find(entry->first)) sale->withdraw();
  std::vector<Waiter> waiters = std::move(entry->second.waiters);
  entries_.erase(entry);
  return waiters;
}

SaleChanges::Entries::iterator SaleChanges::find_sent(std::string_view sale,
                                                      std::string_view change) {
  const auto entry = entries_.find(sale);
  const bool sent = entry != entries_.end() && entry->second.state != State::claimed;
  return sent && entry->second.change == change ? entry : entries_.end();
}

void SaleChanges::delivered(std::string_view sale, std::string_view change,
                            client::Outcome outcome) {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = find_sent(sale, change);
    if (entry == entries_.end()) return;  // the log was faster than the report
    switch (outcome) {
      case client::Outcome::persisted:  // reading it tells what it did
        return;
      case client::Outcome::possibly_persisted:
        entry->second.state = State::doubtful;
        return;
      case client::Outcome::not_persisted:
        waiters = finish(entry);
        break;
    }
  }
  answer(std::move(waiters), {.verdict = Verdict::not_sent});
}

void SaleChanges::seen(const ledger::Sale& change, Outcome outcome) {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = find_sent(change.sale, change.change);
    if (entry == entries_.end()) return;
    waiters = finish(entry);
  }
  answer(std::move(waiters), outcome);
}

void SaleChanges::settle(std::int32_t partition, std::int64_t epoch) {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      const auto at = entry++;
      const Entry& e = at->second;
      if (e.state != State::doubtful || e.partition != partition || e.epoch >= epoch) continue;
      std::ranges::move(finish(at), std::back_inserter(waiters));
    }
  }
  answer(std::move(waiters), {.verdict = Verdict::not_sent});
}

void SaleChanges::expire(Instant now) {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [sale, entry] : entries_) {
      if (entry.state == State::claimed || entry.deadline > now) continue;
      std::ranges::move(std::exchange(entry.waiters, {}), std::back_inserter(waiters));
    }
  }
  answer(std::move(waiters), {});
}

void SaleChanges::stop_waiting() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  expire(Instant::never());
}

std::vector<std::int32_t> SaleChanges::doubtful_partitions() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::int32_t> partitions;
  for (const auto& [sale, entry] : entries_) {
    if (entry.state == State::doubtful) partitions.push_back(entry.partition);
  }
  std::ranges::sort(partitions);
  partitions.erase(std::ranges::unique(partitions).begin(), partitions.end());
  return partitions;
}

void SaleChanges::answer(std::vector<Waiter> waiters, Outcome outcome) {
  for (auto& waiter : waiters) waiter(outcome);
}

}  // namespace sluice::frontend
