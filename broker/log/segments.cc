#include "broker/log/segments.h"

#include "shared/base/check.h"

namespace sluice::broker {

void Segments::appended(Segment segment, std::uint64_t bytes) {
  if (bytes == 0) return;
  Count& count = counts_[segment];
  count.written += bytes;
  count.live += bytes;
  live_bytes_ += bytes;
}

void Segments::removed(Segment segment, std::uint64_t bytes) {
  if (bytes == 0) return;
  const auto entry = counts_.find(segment);
  CHECK(entry != counts_.end() && entry->second.live >= bytes);
  entry->second.live -= bytes;
  live_bytes_ -= bytes;
  if (entry->second.live == 0) counts_.erase(entry);
}

Segments::Garbage Segments::garbage(Segment open) const {
  Garbage garbage;
  Segment next = 0;
  const auto dead_until = [&](Segment end) {
    if (next < end) garbage.dead.push_back({next, end});
  };
  for (auto entry = counts_.begin(); entry != counts_.end() && entry->first < open; ++entry) {
    dead_until(entry->first);
    next = entry->first + 1;
    const Count& count = entry->second;
    if (count.live * 2 < count.written) garbage.mostly_dead.push_back({entry->first, count.live});
  }
  dead_until(open);
  if (garbage.dead == reclaimed_) garbage.dead.clear();
  return garbage;
}

void Segments::reclaimed(const Garbage& garbage) {
  if (!garbage.dead.empty()) reclaimed_ = garbage.dead;
  for (const auto& [segment, live] : garbage.mostly_dead) {
    if (const auto entry = counts_.find(segment); entry != counts_.end()) {
      entry->second.written = live;
    }
  }
}

}  // namespace sluice::broker
