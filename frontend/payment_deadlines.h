#pragma once
// PaymentDeadlines: when the next order of one partition will have had its time to pay. A deadline
// stands in its reserve, so whoever has folded the log knows all of them, after any crash
// (docs/decisions/0018). Pure.
//
// One thread. Memory: 24 bytes an order until it is the first and not unpaid any more.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <vector>

#include "shared/ledger/fold.h"
#include "shared/ledger/order_id.h"

namespace sluice::frontend {

class PaymentDeadlines {
 public:
  void add(const ledger::PackedOrderId& order, std::int64_t deadline);

  // The first deadline of an order that `fold` shows unpaid, be it past; nothing when all are paid
  // for or have ended, which are forgotten on the way.
  std::optional<std::int64_t> earliest(const ledger::Fold& fold);

  // Deadlines that are to come, those of orders that ended among them.
  std::size_t size() const { return due_.size(); }

 private:
  struct Due {
    std::int64_t at;
    ledger::PackedOrderId order;
    auto operator<=>(const Due&) const = default;
  };
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
};

}  // namespace sluice::frontend
