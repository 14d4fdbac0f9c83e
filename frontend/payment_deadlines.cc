#include "frontend/payment_deadlines.h"

namespace sluice::frontend {

void PaymentDeadlines::add(const ledger::PackedOrderId& order, std::int64_t deadline) {
  due_.push({deadline, order});
}

std::optional<std::int64_t> PaymentDeadlines::earliest(const ledger::Fold& fold) {
  while (!due_.empty()) {
    const ledger::Order* order = fold.find_order(ledger::order_id_text(due_.top().order));
    if (order != nullptr && order->is_unpaid()) return due_.top().at;
    due_.pop();
  }
  return std::nullopt;
}

}  // namespace sluice::frontend
