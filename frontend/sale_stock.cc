#include "frontend/sale_stock.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace sluice::frontend {
namespace {

std::size_t hash_of(std::string_view user) {
  return std::hash<std::string_view>{}(user);
}

}  // namespace

SaleStock::SaleStock(const ledger::Sale& definition, std::int64_t granted)
    : id_(definition.sale), available_(granted), granted_(granted), filter_(granted) {
  redefine(definition);
}

const ledger::Sale* SaleStock::keep(const ledger::Sale& definition) {
  const std::lock_guard lock(kept_mutex_);
  return kept_.emplace_back(std::make_unique<const ledger::Sale>(definition)).get();
}

void SaleStock::redefine(const ledger::Sale& definition) {
  definition_.store(keep(definition), std::memory_order_release);
}

void SaleStock::announce(const ledger::Sale& next) {
  announced_.store(keep(next), std::memory_order_release);
}

ledger::SaleStage SaleStock::stage(WallTime now) const {
  return ledger::stage_of(definition(), now.unix_millis);
}

ledger::SaleStage SaleStock::stage_to_send(WallTime now) const {
  const ledger::SaleStage present = stage(now);
  const ledger::Sale* next = announced_.load(std::memory_order_acquire);
  if (present != ledger::SaleStage::open || next == nullptr) return present;
  return ledger::stage_of(*next, now.unix_millis);
}

bool SaleStock::may_have_ordered(std::string_view user) const {
  return filter_.may_contain(hash_of(user));
}

void SaleStock::grant(std::int64_t units) {
  granted_ += units;
  if (filter_.begin_growth(granted_)) grow_filter();
  give_back(units);
}

void SaleStock::grow_filter() {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [name, user] : shard.users) filter_.add(hash_of(name));
  }
  filter_.end_growth();
}

// Releases what the filter was told before: whoever sees that the last unit is gone also sees who
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
  if (held + quantity > definition().per_user_limit) return Result::limit_reached;
  if (available() < quantity) return Result::sold_out;
  // Before the unit is taken: a second click that finds the sale sold out must find its user, too.
  filter_.add(hash);
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
  give_back(taken->quantity);
  std::erase_if(user->orders, [&order](const Taken& one) { return one.order == order; });
  if (user->orders.empty()) shard.users.erase(std::string(name));
}

void SaleStock::follow(std::string_view name, const ledger::PackedOrderId& order,
                       std::int64_t quantity, bool holds_units) {
  const std::size_t hash = hash_of(name);
  Shard& shard = shards_[hash % kShards];
  const std::lock_guard lock(shard.mutex);
  filter_.add(hash);
  User& user = shard.users[std::string(name)];
  Taken* taken = user.find(order);
  if (taken == nullptr) taken = &user.orders.emplace_back(Taken{order, 0, false});
  const std::int64_t before = taken->holds_units ? taken->quantity : 0;
  const std::int64_t after = holds_units ? quantity : 0;
  taken->quantity = static_cast<std::int32_t>(quantity);
  taken->holds_units = holds_units;
  user.held += after - before;
  give_back(before - after);
}

std::vector<ledger::PackedOrderId> SaleStock::orders_of(std::string_view name) const {
  const Shard& shard = shards_[hash_of(name) % kShards];
  const std::lock_guard lock(shard.mutex);
  std::vector<ledger::PackedOrderId> orders;
  const User* user = shard.find(name);
  if (user == nullptr) return orders;
  for (const Taken& taken : user->orders) orders.push_back(taken.order);
  return orders;
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
