#include "frontend/buyer_filter.h"

#include <algorithm>
#include <bit>

namespace sluice::frontend {

BuyerFilter::BuyerFilter(std::int64_t units) {
  tables_.push_back(std::make_unique<Table>(bits_for(units) / 64));
  table_ = tables_.back().get();
}

std::size_t BuyerFilter::bits_for(std::int64_t units) {
  const auto least = static_cast<std::size_t>(std::max<std::int64_t>(units, 64));
  return std::bit_ceil(std::min(least * kBitsPerUnit, kBitsMax));
}

// Two bits a hash, from its two halves.
bool BuyerFilter::may_contain(std::size_t hash) const {
  const Table& table = *table_.load(std::memory_order_acquire);
  const std::size_t mask = table.size() * 64 - 1;
  for (const std::size_t bit : {hash & mask, (hash >> 32) & mask}) {
    const std::uint64_t word = table[bit / 64].load(std::memory_order_relaxed);
    if ((word >> (bit % 64) & 1) == 0) return false;
  }
  return true;
}

void BuyerFilter::add(Table& table, std::size_t hash) {
  const std::size_t mask = table.size() * 64 - 1;
  for (const std::size_t bit : {hash & mask, (hash >> 32) & mask}) {
    table[bit / 64].fetch_or(std::uint64_t{1} << (bit % 64), std::memory_order_relaxed);
  }
}

// The growing one first: once it is not there any more, table_ is what it was.
void BuyerFilter::add(std::size_t hash) {
  if (Table* growing = growing_.load(std::memory_order_acquire)) add(*growing, hash);
  add(*table_.load(std::memory_order_acquire), hash);
}

bool BuyerFilter::begin_growth(std::int64_t units) {
  const std::size_t words = bits_for(units) / 64;
  if (words <= tables_.back()->size()) return false;
  tables_.push_back(std::make_unique<Table>(words));
  growing_.store(tables_.back().get(), std::memory_order_release);
  return true;
}

void BuyerFilter::end_growth() {
  table_.store(tables_.back().get(), std::memory_order_release);
  growing_.store(nullptr, std::memory_order_release);
}

}  // namespace sluice::frontend
