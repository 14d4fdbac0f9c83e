#include "broker/log/segments.h"

#include "shared/base/check.h"

namespace sluice::broker {

void Segments::appended(Segment segment, std::uint64_t bytes) {
  Count& count = counts_[segment];
  count.written += bytes;
  count.live += bytes;
  live_bytes_ += bytes;
}

void Segments::removed(Segment segment, std::uint64_t bytes) {
  Count& count = counts_[segment];
  CHECK(count.live >= bytes);
  count.live -= bytes;
  live_bytes_ -= bytes;
}

Segments::Garbage Segments::take_garbage(Segment open) {
  Garbage garbage;
  for (auto entry = counts_.begin(); entry != counts_.end() && entry->first < open;) {
    Count& count = entry->second;
    if (count.live == 0) {
      garbage.dead.push_back(entry->first);
      entry = counts_.erase(entry);
      continue;
    }
    if (count.live * 2 < count.written) {
      garbage.mostly_dead.push_back(entry->first);
      count.written = count.live;  // once it is rewritten
    }
    ++entry;
  }
  return garbage;
}

}  // namespace sluice::broker
