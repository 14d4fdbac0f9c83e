#include "broker/fetch/fetch_waiters.h"

#include <algorithm>
#include <utility>

#include "shared/base/check.h"

namespace sluice::broker {

FetchWaiters::Added FetchWaiters::add(Instant now, FetchToken token, Instant deadline,
                                      std::uint64_t min_bytes,
                                      const std::vector<Available>& available) {
  std::uint64_t missing = min_bytes;
  for (const Available& each : available) missing -= std::min(missing, each.bytes);
  // A fetch that names no partition would wait for nothing.
  if (missing == 0 || deadline <= now || available.empty()) return Added::ready;

  std::vector<FetchPartition> partitions;
  partitions.reserve(available.size());
  for (const Available& each : available) partitions.push_back(each.partition);
  std::ranges::sort(partitions);
  partitions.erase(std::ranges::unique(partitions).begin(), partitions.end());
  if (waiters_.size() >= options_.waiters_max || waits_ + partitions.size() > options_.waits_max) {
    return Added::full;
  }

  for (const FetchPartition partition : partitions) by_partition_[partition].insert(token);
  waits_ += partitions.size();
  deadlines_.emplace(deadline, token);
  const bool fresh = waiters_
                         .try_emplace(token.value, Waiter{.deadline = deadline,
                                                          .missing = missing,
                                                          .partitions = std::move(partitions)})
                         .second;
  CHECK(fresh);
  return Added::parked;
}

std::vector<FetchToken> FetchWaiters::appended(FetchPartition partition, std::uint64_t bytes) {
  std::vector<FetchToken> ready;
  auto at = by_partition_.find(partition);
  if (at == by_partition_.end()) return ready;
  for (const FetchToken token : at->second) {
    Waiter& waiter = waiters_.find(token.value)->second;
    waiter.missing -= std::min(waiter.missing, bytes);
    if (waiter.missing == 0) ready.push_back(token);
  }
  for (const FetchToken token : ready) erase(token);
  return ready;
}

std::vector<FetchToken> FetchWaiters::wake_partition(FetchPartition partition) {
  auto at = by_partition_.find(partition);
  if (at == by_partition_.end()) return {};
  std::vector<FetchToken> ready(at->second.begin(), at->second.end());
  for (const FetchToken token : ready) erase(token);
  return ready;
}

std::vector<FetchToken> FetchWaiters::expire(Instant now) {
  std::vector<FetchToken> ready;
  while (next_deadline() <= now && !deadlines_.empty()) {
    ready.push_back(deadlines_.begin()->second);
    erase(ready.back());
  }
  return ready;
}

bool FetchWaiters::remove(FetchToken token) {
  if (!waiters_.contains(token.value)) return false;
  erase(token);
  return true;
}

void FetchWaiters::erase(FetchToken token) {
  auto at = waiters_.find(token.value);
  for (const FetchPartition partition : at->second.partitions) {
    auto tokens = by_partition_.find(partition);
    tokens->second.erase(token);
    if (tokens->second.empty()) by_partition_.erase(tokens);
  }
  waits_ -= at->second.partitions.size();
  deadlines_.erase({at->second.deadline, token});
  waiters_.erase(at);
}

}  // namespace sluice::broker
