#pragma once
// SaleChanges: changes of sales that were asked for and have not been read back from the log, one a
// sale. What waits for one is answered when the fold has judged its record: only then is it both
// durable and known to count. Like an order in flight, a change whose send may or may not have
// arrived is settled by reading the log, or by a new epoch. Any thread; waiters are called outside
// of the lock, on the thread of the caller. Bounded by the number of sales.

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/stock_book.h"
#include "shared/base/clock.h"
#include "shared/client/producer.h"
#include "shared/ledger/event.h"
#include "shared/ledger/sale_state.h"

namespace sluice::frontend {

class SaleChanges {
 public:
  enum class Verdict : unsigned char {
    applied,   // on the log, and the fold took it
    refused,   // on the log, and the fold did not, see refusal
    not_sent,  // certainly without effect
    unknown,   // not known yet
  };
  struct Outcome {
    Verdict verdict = Verdict::unknown;
    ledger::SaleRefusal refusal = ledger::SaleRefusal::none;
  };
  using Waiter = std::move_only_function<void(Outcome)>;

  // `answer_within`: how long a waiter may wait before it is told "unknown". REQUIRES: the book
  // outlives it.
  SaleChanges(Millis answer_within, StockBook& stock)
      : answer_within_(answer_within), stock_(stock) {}

  enum class Claim : unsigned char {
    taken,   // nobody else may change the sale until abandon(), or until its outcome is known
    joined,  // the same change is under way: the waiter gets its outcome
    reused,  // a change with this id is under way, and was asked for with another request
    busy,    // another change is under way
  };
  // Takes the waiter when it says taken or joined.
  Claim claim(std::string_view sale, std::string_view change, std::string_view request, Instant now,
              Waiter& waiter);
  // Nothing is sent: the sale may be changed by others. Calls nobody. REQUIRES: claimed, not sent.
  void abandon(std::string_view sale);
  // About to be sent: reserves that may be behind it are held to it. REQUIRES: claimed.
  void sending(const ledger::Sale& change, std::int32_t partition);

  // The producer's report on that change of the sale.
  void delivered(std::string_view sale, std::string_view change, client::Outcome outcome);
  // The record was read, and this is what it did.
  void seen(const ledger::Sale& change, Outcome outcome);
  // What was sent to the partition under a smaller epoch and is in doubt is void now.
  void settle(std::int32_t partition, std::int64_t epoch);

  // Answers "unknown" to whoever has waited long enough.
  void expire(Instant now);
  // The service stops, or the log is not read any more: "unknown" for all, and from now on at once.
  void stop_waiting();
  // Partitions with changes in doubt: each needs a new epoch.
  std::vector<std::int32_t> doubtful_partitions() const;

 private:
  enum class State : unsigned char { claimed, sending, doubtful };
  struct Entry {
    std::string change;
    std::string request;
    std::int32_t partition = -1;
    std::int64_t epoch = 0;
    State state = State::claimed;
    Instant deadline;
    std::vector<Waiter> waiters;
  };
  using Entries = std::map<std::string, Entry, std::less<>>;  // by sale

  // The entry of a change that was sent; end() when it is there no more. REQUIRES: the lock.
  Entries::iterator find_sent(std::string_view sale, std::string_view change);
  // Takes the entry out. REQUIRES: the lock.
  std::vector<Waiter> finish(Entries::iterator entry);
  static void answer(std::vector<Waiter> waiters, Outcome outcome);

  const Millis answer_within_;
  StockBook& stock_;
  mutable std::mutex mutex_;
  Entries entries_;       // guarded by mutex_
  bool stopped_ = false;  // guarded
};

}  // namespace sluice::frontend
