#include "shared/ledger/order.h"

namespace sluice::ledger {

static_assert(sizeof(Order) == 88 || sizeof(void*) != 8, "order.h tells the size of an order");

std::string_view name_of(OrderState state) {
  switch (state) {
    case OrderState::reserved:
      return "reserved";
    case OrderState::placed:
      return "placed";
    case OrderState::paid:
      return "paid";
    case OrderState::rejected:
      return "rejected";
    case OrderState::cancelled:
      return "cancelled";
    case OrderState::expired:
      return "expired";
    case OrderState::voided:
      return "voided";
  }
  return "unknown";
}

std::string_view name_of(VoidReason reason) {
  switch (reason) {
    case VoidReason::none:
      return "none";
    case VoidReason::stale_epoch:
      return "stale_epoch";
    case VoidReason::unknown_sale:
      return "unknown_sale";
    case VoidReason::no_stock:
      return "no_stock";
    case VoidReason::not_started:
      return "not_started";
    case VoidReason::paused:
      return "paused";
    case VoidReason::ended:
      return "ended";
    case VoidReason::malformed:
      return "malformed";
  }
  return "unknown";
}

}  // namespace sluice::ledger
