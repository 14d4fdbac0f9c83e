#pragma once
// SaleStock: the units of one sale, and who has taken them. Any thread.
//
// The reject path reads atomics only: sold_out() is one load, and may_have_ordered() tells, without
// a lock, whether a user could have an order to be shown instead of "sold out". Taking units is one
// compare-and-swap under the lock of the user's shard, after the limit was checked, so that no
// double click can burn stock.
//
// A definition is immutable and replaced as a whole, so that the stage of a sale is one load and a
// comparison. Those of before are kept, some 400 bytes a change: somebody may be reading them.
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

#include "frontend/buyer_filter.h"
#include "shared/base/clock.h"
#include "shared/ledger/event.h"
#include "shared/ledger/order_id.h"
#include "shared/ledger/sale_state.h"

namespace sluice::frontend {

class SaleStock {
 public:
  // `granted`: units that nobody holds yet.
  SaleStock(const ledger::Sale& definition, std::int64_t granted);
  SaleStock(const SaleStock&) = delete;
  SaleStock& operator=(const SaleStock&) = delete;

  const std::string& id() const { return id_; }
  // The newest; stays valid.
  const ledger::Sale& definition() const { return *definition_.load(std::memory_order_acquire); }
  void redefine(const ledger::Sale& definition);

  // Neither sold_out nor settled.
  ledger::SaleStage stage(WallTime now) const;

  // A change is on its way to the log: a reserve that is sent from now on may be behind it, and has
  // to be right under both definitions. One at a time; withdrawn when the change is known to be on
  // the log or not.
  void announce(const ledger::Sale& next);
  void withdraw() { announced_.store(nullptr, std::memory_order_release); }
  // Like stage(), for a reserve that is about to be sent.
  ledger::SaleStage stage_to_send(WallTime now) const;

  // Below 0 only when other writers of the log took more than this frontend had left.
  std::int64_t available() const { return available_.load(std::memory_order_acquire); }
  bool sold_out() const { return available() <= 0; }
  // When units come back if nobody pays for them till then, in Unix milliseconds; 0: none are known
  // to. A time that is over: any moment.
  std::int64_t units_due_at() const { return units_due_at_.load(std::memory_order_relaxed); }
  void set_units_due_at(std::int64_t at) { units_due_at_.store(at, std::memory_order_relaxed); }
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
  // More units to sell. By one thread at a time.
  void grant(std::int64_t units);

  // All that are known of the user's, the ones that hold nothing any more, too.
  std::vector<ledger::PackedOrderId> orders_of(std::string_view user) const;
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

  const ledger::Sale* keep(const ledger::Sale& definition);
  void grow_filter();
  void give_back(std::int64_t units) { available_.fetch_add(units, std::memory_order_release); }
  bool take(std::int64_t quantity);
  static Result compare(const Taken& known, std::int64_t quantity);

  const std::string id_;
  std::atomic<std::int64_t> available_;
  std::atomic<std::int64_t> units_due_at_ = 0;
  std::int64_t granted_;  // by the thread that grants
  BuyerFilter filter_;
  std::array<Shard, kShards> shards_;
  std::atomic<const ledger::Sale*> definition_ = nullptr;
  std::atomic<const ledger::Sale*> announced_ = nullptr;
  std::mutex kept_mutex_;
  std::vector<std::unique_ptr<const ledger::Sale>> kept_;  // guarded by kept_mutex_
};

}  // namespace sluice::frontend
