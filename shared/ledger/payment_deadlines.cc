#include "shared/ledger/payment_deadlines.h"

#include <string>
#include <utility>

namespace sluice::ledger {

void PaymentDeadlines::add(const PackedOrderId& order, std::int64_t deadline) {
  due_.push({deadline, order});
}

std::vector<Expired> PaymentDeadlines::take_overdue(WallTime now, std::size_t most,
                                                    const Fold& fold) {
  std::vector<Expired> overdue;
  while (overdue.size() < most && !due_.empty() && due_.top().at <= now.unix_millis) {
    const PackedOrderId packed = due_.top().order;
    due_.pop();
    std::string id = order_id_text(packed);
    const Order* order = fold.find_order(id);
    if (order == nullptr || !order->is_unpaid()) continue;
    due_.push({now.unix_millis + kNamedAgainAfter.count(), packed});
    overdue.push_back({.order = std::move(id), .sale = order->sale->definition.sale});
  }
  return overdue;
}

std::optional<std::int64_t> PaymentDeadlines::earliest(const Fold& fold) {
  while (!due_.empty()) {
    const Order* order = fold.find_order(order_id_text(due_.top().order));
    if (order != nullptr && order->is_unpaid()) return due_.top().at;
    due_.pop();
  }
  return std::nullopt;
}

}  // namespace sluice::ledger
