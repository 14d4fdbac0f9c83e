#include "frontend/units_due.h"

namespace sluice::frontend {

void UnitsDue::add(SaleStock& sale, const ledger::PackedOrderId& id, const ledger::Order& order) {
  if (order.is_unpaid() && order.deadline > 0) unpaid_[&sale].add(id, order.deadline);
}

void UnitsDue::tell(SaleStock& sale, const ledger::Fold& fold) {
  const auto unpaid = unpaid_.find(&sale);
  if (unpaid == unpaid_.end()) return;
  sale.set_units_due_at(unpaid->second.earliest(fold).value_or(0));
}

}  // namespace sluice::frontend
