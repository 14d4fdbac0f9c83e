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
  order_.push_back(partition);
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
  const auto found = batches_.find(partition);
  if (found == batches_.end()) return;
  for (const auto& batch : found->second) bytes_ -= batch.slice.bytes.size() + kOverheadBytes;
  batches_.erase(found);
}

void TailCache::drop_oldest() {
  const PartitionId partition = order_.front();
  order_.pop_front();
  const auto found = batches_.find(partition);
  if (found == batches_.end()) return;
  bytes_ -= found->second.front().slice.bytes.size() + kOverheadBytes;
  found->second.pop_front();
  if (found->second.empty()) batches_.erase(found);
}

}  // namespace sluice::broker
