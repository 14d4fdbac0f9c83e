#pragma once
// UnitsDue: tells each sale when its next unpaid order will have had its time to pay, for whoever
// finds it sold out. By the thread that folds. Memory: 24 bytes an order with a deadline, until it
// is the first and not unpaid any more.

#include <map>

#include "frontend/payment_deadlines.h"
#include "frontend/sale_stock.h"
#include "shared/ledger/fold.h"
#include "shared/ledger/order_id.h"

namespace sluice::frontend {

class UnitsDue {
 public:
  // An order that the fold has not shown before.
  void add(SaleStock& sale, const ledger::PackedOrderId& id, const ledger::Order& order);
  // After orders of the sale changed. REQUIRES: `fold` is of its partition.
  void tell(SaleStock& sale, const ledger::Fold& fold);

 private:
  std::map<const SaleStock*, PaymentDeadlines> unpaid_;
};

}  // namespace sluice::frontend
