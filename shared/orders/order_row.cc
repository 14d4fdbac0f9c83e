#include "shared/orders/order_row.h"

namespace sluice::orders {

ledger::OrderState state_named(std::string_view name) {
  using enum ledger::OrderState;
  for (const auto state : {placed, paid, rejected, cancelled, expired}) {
    if (ledger::name_of(state) == name) return state;
  }
  return reserved;
}

}  // namespace sluice::orders
