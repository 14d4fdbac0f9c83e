#include "frontend/sale_stock.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <utility>

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

// Releases what remember() wrote before: whoever sees that the last unit is gone also sees who
// took it.
bool SaleStock::take(std::int64_t quantity) {
  std::int64_t free = available_.load(std::memory_order_relaxed);
  while (free >= quantity) {
    if (available_.compare_exchange_weak(free, free - quantity, std::memory_order_release,
                                         std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

const SaleStock::Taken* SaleStock::User::find(const ledger::PackedOrderId& order) const {
  const auto taken = std::ranges::find(orders, order, &Taken::order);
  return taken == orders.end() ? nullptr : &*taken;
}

SaleStock::Taken* SaleStock::User::find(const ledger::PackedOrderId& order) {
  return const_cast<Taken*>(std::as_const(*this).find(order));
}

const SaleStock::User* SaleStock::Shard::find(std::string_view name) const {
  const auto user = users.find(std::string(name));
  return user == users.end() ? nullptr : &user->second;
}

SaleStock::User* SaleStock::Shard::find(std::string_view name) {
  return const_cast<User*>(std::as_const(*this).find(name));
}

SaleStock::Result SaleStock::compare(const Taken& known, std::int64_t quantity) {
  return known.quantity == quantity ? Result::repeated : Result::different;
}

SaleStock::Result SaleStock::reserve(std::string_view name, const ledger::PackedOrderId& order,
                                     std::int64_t quantity) {
  const std::size_t hash = hash_of(name);
  Shard& shard = shards_[hash % kShards];
  const std::lock_guard lock(shard.mutex);
  User* user = shard.find(name);
  if (user != nullptr) {
    if (const Taken* known = user->find(order)) return compare(*known, quantity);
  }
  const std::int64_t held = user == nullptr ? 0 : user->held;
  if (held + quantity > limit_.load(std::memory_order_relaxed)) return Result::limit_reached;
  if (available() < quantity) return Result::sold_out;
  // Before the unit is taken: a second click that finds the sale sold out must find its user, too.
  remember(hash);
  if (!take(quantity)) return Result::sold_out;
  if (user == nullptr) user = &shard.users[std::string(name)];
  user->held += quantity;
  user->orders.push_back({order, static_cast<std::int32_t>(quantity), true});
  return Result::reserved;
}

std::optional<SaleStock::Result> SaleStock::look_up(std::string_view name,
                                                    const ledger::PackedOrderId& order,
                                                    std::int64_t quantity) const {
  const Shard& shard = shards_[hash_of(name) % kShards];
  const std::lock_guard lock(shard.mutex);
  const User* user = shard.find(name);
  const Taken* known = user == nullptr ? nullptr : user->find(order);
  if (known == nullptr) return std::nullopt;
  return compare(*known, quantity);
}

void SaleStock::undo(std::string_view name, const ledger::PackedOrderId& order) {
  Shard& shard = shards_[hash_of(name) % kShards];
  const std::lock_guard lock(shard.mutex);
  User* user = shard.find(name);
  const Taken* taken = user == nullptr ? nullptr : user->find(order);
  if (taken == nullptr || !taken->holds_units) return;
  user->held -= taken->quantity;
  add(taken->quantity);
  std::erase_if(user->orders, [&order](const Taken& one) { return one.order == order; });
  if (user->orders.empty()) shard.users.erase(std::string(name));
}

void SaleStock::follow(std::string_view name, const ledger::PackedOrderId& order,
                       std::int64_t quantity, bool holds_units) {
  const std::size_t hash = hash_of(name);
  Shard& shard = shards_[hash % kShards];
  const std::lock_guard lock(shard.mutex);
  remember(hash);
  User& user = shard.users[std::string(name)];
  Taken* taken = user.find(order);
  if (taken == nullptr) taken = &user.orders.emplace_back(Taken{order, 0, false});
  const std::int64_t before = taken->holds_units ? taken->quantity : 0;
  const std::int64_t after = holds_units ? quantity : 0;
  taken->quantity = static_cast<std::int32_t>(quantity);
  taken->holds_units = holds_units;
  user.held += after - before;
  add(before - after);
}

bool SaleStock::newest_order(std::string_view name, ledger::PackedOrderId& order) const {
  const Shard& shard = shards_[hash_of(name) % kShards];
  const std::lock_guard lock(shard.mutex);
  const User* user = shard.find(name);
  if (user == nullptr || user->orders.empty()) return false;
  order = user->orders.back().order;
  return true;
}

}  // namespace sluice::frontend
