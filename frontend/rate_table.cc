#include "frontend/rate_table.h"

#include <bit>

#include "shared/base/check.h"

namespace sluice::frontend {
namespace {

using std::chrono::microseconds;

constexpr int kTimeBits = 48;
constexpr std::uint64_t kTimeMask = (std::uint64_t{1} << kTimeBits) - 1;

std::uint64_t time_of(std::uint64_t word) {
  return word & kTimeMask;
}
std::uint64_t tag_of(std::uint64_t word) {
  return word >> kTimeBits;
}

Gcra in_microseconds(const Rate& rate) {
  const auto interval =
      static_cast<std::uint64_t>(std::chrono::ceil<microseconds>(rate.interval()).count());
  return {.interval = interval,
          .tolerance = interval * (static_cast<std::uint64_t>(rate.burst) - 1)};
}

}  // namespace

RateTable::RateTable(const Rate& rate, std::size_t keys)
    : gcra_(in_microseconds(rate)),
      mask_(keys / kWays - 1),
      sets_(std::make_unique<Set[]>(keys / kWays)) {
  CHECK(keys >= kWays && std::has_single_bit(keys));
}

// The key's own slot, else the one that is closest to rest.
RateTable::Found RateTable::find(Set& set, std::uint64_t tag) {
  Found best{};
  for (Slot& slot : set.slots) {
    const std::uint64_t word = slot.load(std::memory_order_relaxed);
    if (tag_of(word) == tag) return {&slot, word};
    if (best.slot == nullptr || time_of(word) < time_of(best.word)) best = {&slot, word};
  }
  return best;
}

std::chrono::nanoseconds RateTable::take(std::uint64_t hash, Instant now) {
  const auto at =
      static_cast<std::uint64_t>(std::chrono::duration_cast<microseconds>(now.since_start).count());
  const std::uint64_t tag = tag_of(hash);
  Set& set = sets_[hash & mask_];
  while (true) {
    Found found = find(set, tag);
    const Gcra::Verdict verdict = gcra_.judge(time_of(found.word), at);
    if (verdict.wait > 0) return microseconds(verdict.wait);
    const std::uint64_t next = tag << kTimeBits | verdict.next;
    // Whoever was faster may have changed any slot of the set: look again.
    if (found.slot->compare_exchange_strong(found.word, next, std::memory_order_relaxed)) {
      return std::chrono::nanoseconds(0);
    }
  }
}

}  // namespace sluice::frontend
