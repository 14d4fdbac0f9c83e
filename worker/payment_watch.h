#pragma once
// PaymentWatch: when to ask the database which orders were not paid in time, and which of those
// that it names to call off. The deadlines are in the table, so nothing is lost with this, and its
// memory does not grow with the orders. Pure; one thread.

#include <cstddef>
#include <cstdint>
#include <limits>
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

  // There may be others than were asked for: partitions came, or were read to their ends.
  void look_again() { ask_at_ = 0; }

  // A row with this deadline was written; 0: none.
  void placed(std::int64_t deadline);
  // Rows were written of orders that are not unpaid any more.
  void ended();

  // Unix ms; no time that will come when there is nothing to ask for.
  std::int64_t ask_at() const { return ask_at_; }

  // What OrderStore::unpaid() says, up to kMost by deadline: those to call off now.
  std::vector<Unpaid> overdue(std::vector<Unpaid> unpaid, WallTime now);

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  std::int64_t ask_at_ = 0;
  std::int64_t not_before_ = 0;
  bool more_ = false;                                         // than the answer had
  std::unordered_map<std::string, std::int64_t> called_off_;  // order → when, Unix ms
};

}  // namespace sluice::worker
