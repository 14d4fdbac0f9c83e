#include "frontend/sale_stock.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>

#include "shared/base/check.h"

namespace sluice::frontend {
namespace {

std::size_t hash_of(std::string_view user) {
  return std::hash<std::string_view>{}(user);
}

}  // namespace

std::string_view name_of(SalePhase phase) {
  switch (phase) {
    case SalePhase::not_started:
      return "scheduled";
    case SalePhase::open:
      return "open";
    case SalePhase::paused:
      return "paused";
    case SalePhase::ended:
      return "ended";
  }
  return "unknown";
}

SaleStock::SaleStock(const ledger::Sale& definition, std::int64_t available)
    : id_(definition.sale),
      available_(available),
      filter_(filter_bits(std::max(definition.stock, available)) / 64) {
  redefine(definition);
}

std::size_t SaleStock::filter_bits(std::int64_t stock) {
  const auto units = static_cast<std::size_t>(std::max<std::int64_t>(stock, 64));
  return std::bit_ceil(std::min(units * kFilterBitsPerUnit, kFilterBitsMax));
}

ledger::Sale SaleStock::definition() const {
  const std::lock_guard lock(definition_mutex_);
  return definition_;
}

void SaleStock::redefine(const ledger::Sale& definition) {
  const std::lock_guard lock(definition_mutex_);
  definition_ = definition;
  limit_ = definition.per_user_limit;
  starts_at_ = definition.starts_at.value_or(0);
  ends_at_ = definition.ends_at.value_or(std::numeric_limits<std::int64_t>::max());
  paused_ = definition.paused;
  closed_ = definition.closed;
}

SalePhase SaleStock::phase(WallTime now) const {
  if (closed_.load(std::memory_order_relaxed)) return SalePhase::ended;
  if (now.unix_millis >= ends_at_.load(std::memory_order_relaxed)) return SalePhase::ended;
  if (now.unix_millis < starts_at_.load(std::memory_order_relaxed)) return SalePhase::not_started;
  return paused_.load(std::memory_order_relaxed) ? SalePhase::paused : SalePhase::open;
}

// Two bits a user, from the two halves of one hash.
bool SaleStock::may_have_ordered(std::string_view user) const {
  const std::size_t hash = hash_of(user);
  const std::size_t mask = filter_.size() * 64 - 1;
  for (const std::size_t bit : {hash & mask, (hash >> 32) & mask}) {
    const std::uint64_t word = filter_[bit / 64].load(std::memory_order_relaxed);
    if ((word >> (bit % 64) & 1) == 0) return false;
  }
  return true;
}

void SaleStock::remember(std::size_t hash) {
  const std::size_t mask = filter_.size() * 64 - 1;
  for (const std::size_t bit : {hash & mask, (hash >> 32) & mask}) {
    filter_[bit / 64].fetch_or(std::uint64_t{1} << (bit % 64), std::memory_order_relaxed);
  }
}

bool SaleStock::take(std::int64_t quantity) {
  std::int64_t free = available_.load(std::memory_order_relaxed);
  while (free >= quantity) {
    if (available_.compare_exchange_weak(free, free - quantity, std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

SaleStock::Result SaleStock::reserve(std::string_view name, const ledger::PackedOrderId& order,
                                     std::int64_t quantity) {
  const std::size_t hash = hash_of(name);
  Shard& shard = shards_[hash % kShards];
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.users.find(std::string(name));
  const User* known = found == shard.users.end() ? nullptr : &found->second;
  if (known != nullptr) {
    const auto same = std::ranges::find(known->orders, order, &Taken::order);
    if (same != known->orders.end()) {
      return same->quantity == quantity ? Result::repeated : Result::different;
    }
  }
  const std::int64_t held = known == nullptr ? 0 : known->held;
  if (held + quantity > limit_.load(std::memory_order_relaxed)) return Result::limit_reached;
  if (!take(quantity)) return Result::sold_out;
  User& user = found == shard.users.end() ? shard.users[std::string(name)] : found->second;
  user.held += quantity;
  user.orders.push_back({order, static_cast<std::int32_t>(quantity), true});
  remember(hash);
  return Result::reserved;
}

void SaleStock::undo(std::string_view name, const ledger::PackedOrderId& order) {
  Shard& shard = shards_[hash_of(name) % kShards];
  const std::lock_guard lock(shard.mutex);
  const auto user = shard.users.find(std::string(name));
  CHECK(user != shard.users.end());
  auto& orders = user->second.orders;
  const auto taken = std::ranges::find(orders, order, &Taken::order);
  CHECK(taken != orders.end() && taken->holds_units);
  user->second.held -= taken->quantity;
  add(taken->quantity);
  orders.erase(taken);
  if (orders.empty()) shard.users.erase(user);
}

void SaleStock::release(std::string_view name, const ledger::PackedOrderId& order) {
  Shard& shard = shards_[hash_of(name) % kShards];
  const std::lock_guard lock(shard.mutex);
  const auto user = shard.users.find(std::string(name));
  CHECK(user != shard.users.end());
  const auto taken = std::ranges::find(user->second.orders, order, &Taken::order);
  CHECK(taken != user->second.orders.end());
  if (!taken->holds_units) return;
  taken->holds_units = false;
  user->second.held -= taken->quantity;
  add(taken->quantity);
}

void SaleStock::restore(std::string_view name, const ledger::PackedOrderId& order,
                        std::int64_t quantity, bool holds_units) {
  const std::size_t hash = hash_of(name);
  Shard& shard = shards_[hash % kShards];
  const std::lock_guard lock(shard.mutex);
  User& user = shard.users[std::string(name)];
  user.orders.push_back({order, static_cast<std::int32_t>(quantity), holds_units});
  if (holds_units) user.held += quantity;
  remember(hash);
}

bool SaleStock::newest_order(std::string_view name, ledger::PackedOrderId& order) const {
  const Shard& shard = shards_[hash_of(name) % kShards];
  const std::lock_guard lock(shard.mutex);
  const auto user = shard.users.find(std::string(name));
  if (user == shard.users.end() || user->second.orders.empty()) return false;
  order = user->second.orders.back().order;
  return true;
}

}  // namespace sluice::frontend
