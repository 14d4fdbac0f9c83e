#pragma once
// PaymentWatch: when to ask the database which orders of one partition were not paid in time, and
// which of those that it names to call off. The deadlines are in the table, so nothing is lost with
// this, and its memory does not grow with the orders. Deadlines are by the wall clock, which may be
// set; everything else is by the other one. Pure; one thread.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "shared/base/clock.h"
#include "worker/order_store.h"

namespace sluice::worker {

class PaymentWatch {
 public:
  // Orders asked for at a time. So many are called off, and come back from the log, before the next
  // ones are.
  static constexpr std::size_t kMost = 1'000;
  // Between two questions.
  static constexpr Millis kInterval{20};
  // An order that was called off and is still unpaid is called off again: the record may be lost.
  static constexpr Millis kAgainAfter{10'000};
  // What until_ask() says when there is nothing to ask for.
  static constexpr Millis kIdle{3'600'000};

  // There is something to ask for, as at first.
  void look_again() { look_ = true; }
  // A row with this deadline was written; 0: none.
  void placed(std::int64_t deadline);
  // A transaction was written: some that are due may have ended.
  void written() { look_ = look_ || more_; }

  // Zero: now.
  Millis until_ask(Instant now, WallTime wall) const;

  // What OrderStore::unpaid() says, up to kMost: those to call off.
  std::vector<Unpaid> due(std::vector<Unpaid> unpaid, Instant now, WallTime wall);
  // It is on its way to the log.
  void called_off(const std::string& order_id, Instant now);

 private:
  bool look_ = true;
  bool more_ = false;                 // are due than the last answer had
  std::optional<std::int64_t> next_;  // the first deadline that is to come, Unix ms
  std::optional<Instant> again_at_;
  std::optional<Instant> not_before_;
  std::unordered_map<std::string, Instant> called_off_;  // orders that are unpaid still
};

}  // namespace sluice::worker
