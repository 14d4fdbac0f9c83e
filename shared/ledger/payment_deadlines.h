#pragma once
// PaymentDeadlines: which orders of one partition were not paid in time, and when the next one is
// due. The deadline stands in the reserve, so nothing is stored or scheduled anywhere else: whoever
// has folded the log knows all of them, after any crash (docs/decisions/0018). Pure.
//
// One thread. Memory: 24 bytes an order until its deadline, whatever becomes of it.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <vector>

#include "shared/base/clock.h"
#include "shared/ledger/event.h"
#include "shared/ledger/fold.h"
#include "shared/ledger/order_id.h"

namespace sluice::ledger {

class PaymentDeadlines {
 public:
  // An order that was named and is still not called off is named again: the record may be lost.
  static constexpr Millis kNamedAgainAfter{10'000};

  void add(const PackedOrderId& order, std::int64_t deadline);

  // Orders that `fold` shows unpaid at or after their deadlines, the oldest first, up to `most`.
  std::vector<Expired> take_overdue(WallTime now, std::size_t most, const Fold& fold);

  // The first deadline of an order that `fold` shows unpaid, be it past; nothing when all are paid
  // for or have ended, which are forgotten on the way.
  std::optional<std::int64_t> earliest(const Fold& fold);

  // Deadlines that are to come, those of orders that ended among them.
  std::size_t size() const { return due_.size(); }

 private:
  struct Due {
    std::int64_t at;
    PackedOrderId order;
    auto operator<=>(const Due&) const = default;
  };
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
};

}  // namespace sluice::ledger
