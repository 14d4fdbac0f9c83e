#include "broker/log/tail_cache.h"

#include <algorithm>
#include <utility>

#include "shared/base/check.h"

namespace sluice::broker {

void TailCache::insert(PartitionId partition, Offset base, Offset end, SharedSlice batch) {
  auto& run = batches_[partition];
  CHECK(run.empty() || run.back().end == base);
  bytes_ += batch.bytes.size() + kOverheadBytes;
  run.push_back({base, end, std::move(batch)});
  ++count_;
  order_.push_back({partition, base});
  while (bytes_ > bytes_max_ && !order_.empty()) drop_oldest();
}

std::optional<SharedBytes> TailCache::read(PartitionId partition, Offset from,
                                           std::size_t bytes_max, bool at_least_one) const {
  const auto found = batches_.find(partition);
  if (found == batches_.end() || found->second.empty()) return std::nullopt;
  const auto& run = found->second;
  if (from < run.front().base || from >= run.back().end) return std::nullopt;
  // The first batch that ends behind `from`.
  auto batch = std::ranges::upper_bound(run, from, {}, &Batch::end);
  SharedBytes out;
  for (; batch != run.end(); ++batch) {
    const bool must = out.empty() && at_least_one;
    if (!must && out.size() + batch->slice.bytes.size() > bytes_max) break;
    out.append(batch->slice);
  }
  return out;
}

void TailCache::erase(PartitionId partition) {
  erase_before(partition, kOffsetMax);
}

void TailCache::erase_before(PartitionId partition, Offset offset) {
  const auto found = batches_.find(partition);
  if (found == batches_.end()) return;
  auto& run = found->second;
  while (!run.empty() && run.front().base < offset) pop_front(run);
  if (run.empty()) batches_.erase(found);
  tidy();
}

void TailCache::drop_oldest() {
  const Arrival oldest = order_.front();
  order_.pop_front();
  const auto found = batches_.find(oldest.partition);
  if (found == batches_.end() || found->second.front().base != oldest.base) return;
  pop_front(found->second);
  if (found->second.empty()) batches_.erase(found);
}

void TailCache::pop_front(std::deque<Batch>& run) {
  bytes_ -= run.front().slice.bytes.size() + kOverheadBytes;
  --count_;
  run.pop_front();
}

// Arrivals of erased batches must not outgrow the others.
void TailCache::tidy() {
  constexpr std::size_t kSlack = 1'000;
  if (order_.size() <= 2 * count_ + kSlack) return;
  std::erase_if(order_, [this](const Arrival& arrival) {
    const auto found = batches_.find(arrival.partition);
    return found == batches_.end() || arrival.base < found->second.front().base;
  });
}

}  // namespace sluice::broker
