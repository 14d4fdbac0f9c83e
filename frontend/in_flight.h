#pragma once
// InFlight: orders that were sent to the log and have not been read back from it. Their answers
// wait here, and their outcome is settled here: by the producer's report, by reading the log, or,
// when the report is "possibly", by a new epoch, after which what was not read is void. Any thread;
// callbacks run outside of the lock, on the thread of the caller. Bounded by the producer's queue.

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "shared/base/clock.h"
#include "shared/client/producer.h"
#include "shared/ledger/event.h"
#include "shared/ledger/order_id.h"

namespace sluice::frontend {

// What a client is told of the order it just placed.
enum class Placement : unsigned char {
  queued,        // durable on the log
  pending,       // sent, not known yet; it stays held until it is
  not_reserved,  // certainly not on the log; the units are free again
};

class InFlight {
 public:
  using Waiter = std::move_only_function<void(Placement)>;

  // `answer_within`: how long an answer may wait before it is "pending".
  explicit InFlight(Millis answer_within) : answer_within_(answer_within) {}

  // REQUIRES: the order is not in flight. Calls `waiter` once.
  void add(const ledger::PackedOrderId& id, ledger::Reserve reserve, std::int32_t partition,
           Instant now, Waiter waiter);
  // Joins an order that is in flight, to get the same answer. False (waiter untouched) when it is
  // not.
  bool join(const ledger::PackedOrderId& id, Instant now, Waiter& waiter);

  // In flight, and whether it is known to be durable.
  struct View {
    ledger::Reserve reserve;
    bool durable = false;
  };
  std::optional<View> find(const ledger::PackedOrderId& id) const;

  // The producer's report. Of what is certainly not on the log the units are given back by `undo`
  // before anybody is answered.
  using Undo = std::move_only_function<void(const ledger::Reserve&)>;
  void delivered(const ledger::PackedOrderId& id, client::Outcome outcome, Undo undo);
  // A record of that id was read from the partition, whatever the report said or will say. If it is
  // in flight there, `judge` gets what was sent and says how that ended, before anybody is
  // answered: the record may be another program's.
  using Judge = std::move_only_function<Placement(const ledger::Reserve&)>;
  void seen(const ledger::PackedOrderId& id, std::int32_t partition, Judge judge);
  // Everything sent to the partition under a smaller epoch and still in doubt is void now, because
  // it was not read before the new epoch's record. Yields what is to be undone.
  std::vector<ledger::Reserve> settle(std::int32_t partition, std::int64_t epoch);

  // Answers "pending" to whoever has waited long enough.
  void expire(Instant now);
  // The service stops, or the log is not read any more: "pending" for all who wait, and from now on
  // at once.
  void stop_waiting();
  // Partitions with orders in doubt: each needs a new epoch.
  std::vector<std::int32_t> doubtful_partitions() const;

  std::size_t size() const;
  std::size_t doubtful() const;

 private:
  enum class State : unsigned char { sending, doubtful, durable };
  struct Entry {
    ledger::Reserve reserve;
    std::int32_t partition;
    State state = State::sending;
    std::vector<Waiter> waiters;
  };
  struct IdHash {
    std::size_t operator()(const ledger::PackedOrderId& id) const noexcept;
  };
  using Entries = boost::unordered_flat_map<ledger::PackedOrderId, Entry, IdHash>;

  // Null: the caller waits. Else how to answer him now.
  std::optional<Placement> wait(Entry& entry, const ledger::PackedOrderId& id, Instant now,
                                Waiter& waiter);
  static void answer(std::vector<Waiter> waiters, Placement placement);

  const Millis answer_within_;
  mutable std::mutex mutex_;
  Entries entries_;                                                  // guarded by mutex_
  std::deque<std::pair<Instant, ledger::PackedOrderId>> deadlines_;  // guarded; in order
  std::size_t doubtful_ = 0;                                         // guarded
  bool stopped_ = false;                                             // guarded
};

}  // namespace sluice::frontend
