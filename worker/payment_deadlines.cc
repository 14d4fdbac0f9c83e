#include "worker/payment_deadlines.h"

#include <string>
#include <utility>

namespace sluice::worker {

void PaymentDeadlines::add(const ledger::PackedOrderId& order, std::int64_t deadline) {
  due_.push({deadline, order});
}

std::vector<ledger::Expired> PaymentDeadlines::take_overdue(WallTime now, std::size_t most,
                                                            const ledger::Fold& fold) {
  std::vector<ledger::Expired> overdue;
  while (overdue.size() < most && !due_.empty() && due_.top().at <= now.unix_millis) {
    const ledger::PackedOrderId packed = due_.top().order;
    due_.pop();
    std::string id = ledger::order_id_text(packed);
    const ledger::Order* order = fold.find_order(id);
    if (order == nullptr || !order->is_unpaid()) continue;
    due_.push({now.unix_millis + kNamedAgainAfter.count(), packed});
    overdue.push_back({.order = std::move(id), .sale = order->sale->definition.sale});
  }
  return overdue;
}

}  // namespace sluice::worker
