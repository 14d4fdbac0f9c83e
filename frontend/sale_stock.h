#pragma once
// SaleStock: the units of one sale, and who has taken them. Any thread.
//
// The reject path reads atomics only: sold_out() is one load, and may_have_ordered() tells, without
// a lock, whether a user could have an order to be shown instead of "sold out". Taking units is one
// compare-and-swap under the lock of the user's shard, after the limit was checked, so that no
// double click can burn stock.
//
// Invariants: 1. available never falls below 0 by reserve(). 2. a user's held units never exceed
// the limit that held when they were taken. 3. an order id is held at most once.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "shared/base/clock.h"
#include "shared/ledger/event.h"
#include "shared/ledger/order_id.h"

namespace sluice::frontend {

// Where a sale stands in its life, seen at one instant. Sold out is not among them: it is derived.
enum class SalePhase : unsigned char { not_started, open, paused, ended };

std::string_view name_of(SalePhase phase);

class SaleStock {
 public:
  // `available`: units that nobody holds yet.
  SaleStock(const ledger::Sale& definition, std::int64_t available);
  SaleStock(const SaleStock&) = delete;
  SaleStock& operator=(const SaleStock&) = delete;

  const std::string& id() const { return id_; }
  // A copy of the newest definition.
  ledger::Sale definition() const;
  void redefine(const ledger::Sale& definition);

  SalePhase phase(WallTime now) const;
  // Below 0 only when other writers of the log took more than this frontend had left.
  std::int64_t available() const { return available_.load(std::memory_order_acquire); }
  bool sold_out() const { return available() <= 0; }
  // False: the user certainly has no order here. True: perhaps.
  bool may_have_ordered(std::string_view user) const;

  enum class Result : unsigned char {
    reserved,       // units taken for a new order
    repeated,       // the order is known: the same answer again
    different,      // the order is known with another quantity
    limit_reached,  // the user would hold more than per_user_limit
    sold_out,       // fewer units than wanted
  };
  Result reserve(std::string_view user, const ledger::PackedOrderId& order, std::int64_t quantity);

  // repeated or different for an order that is known, nothing for any other.
  std::optional<Result> look_up(std::string_view user, const ledger::PackedOrderId& order,
                                std::int64_t quantity) const;

  // The reserve never happened: the units are free and the id may be used again. Nothing for an
  // order that holds no units.
  void undo(std::string_view user, const ledger::PackedOrderId& order);
  // What the log says of an order, whoever wrote it there; the log wins. It takes units or frees
  // them as it must, whatever the limit is.
  void follow(std::string_view user, const ledger::PackedOrderId& order, std::int64_t quantity,
              bool holds_units);
  // More units (a grant).
  void add(std::int64_t units) { available_.fetch_add(units, std::memory_order_release); }

  // The user's newest order, to be linked from "limit reached". False when there is none.
  bool newest_order(std::string_view user, ledger::PackedOrderId& order) const;

 private:
  struct Taken {
    ledger::PackedOrderId order;
    std::int32_t quantity;
    bool holds_units;
  };
  struct User {
    std::int64_t held = 0;
    std::vector<Taken> orders;

    const Taken* find(const ledger::PackedOrderId& order) const;
    Taken* find(const ledger::PackedOrderId& order);
  };
  struct Shard {
    mutable std::mutex mutex;
    boost::unordered_flat_map<std::string, User> users;  // guarded by mutex

    const User* find(std::string_view name) const;
    User* find(std::string_view name);
  };
  // Enough that N loops seldom meet; a power of two.
  static constexpr std::size_t kShards = 64;
  // Sixteen bits a unit keep the filter's false positives near 1 in 70 when everything is sold to
  // different users; the cap is 16 MiB.
  static constexpr std::size_t kFilterBitsPerUnit = 16;
  static constexpr std::size_t kFilterBitsMax = std::size_t{1} << 27;

  static std::size_t filter_bits(std::int64_t stock);
  void remember(std::size_t hash);
  bool take(std::int64_t quantity);
  static Result compare(const Taken& known, std::int64_t quantity);

  const std::string id_;
  std::atomic<std::int64_t> available_;
  std::atomic<std::int64_t> limit_;
  std::atomic<std::int64_t> starts_at_;
  std::atomic<std::int64_t> ends_at_;
  std::atomic<bool> paused_;
  std::atomic<bool> closed_;
  std::vector<std::atomic<std::uint64_t>> filter_;
  std::array<Shard, kShards> shards_;
  mutable std::mutex definition_mutex_;
  ledger::Sale definition_;  // guarded by definition_mutex_
};

}  // namespace sluice::frontend
