#pragma once
// An order as the fold has it: what was reserved, and where it stands.

#include <cstdint>
#include <string>
#include <string_view>

#include "shared/ledger/sale_state.h"

namespace sluice::ledger {

enum class OrderState : std::uint8_t {
  reserved,   // units taken, no row known yet
  placed,     // the row exists
  paid,       // final: never released
  rejected,   // final: released, or never held units
  cancelled,  // final: released
  expired,    // final: released
  voided,     // final: the reserve did not count; a worker answers it with `rejected`
};

// Why a reserve did not count.
enum class VoidReason : std::uint8_t {
  none,
  stale_epoch,   // not the epoch that owns the partition at its offset
  unknown_sale,  // no sale record before it
  no_stock,      // more than was available: the writer is wrong (see Fold::verify)
  not_started,   // reserved before the sale's start, or while it was a draft
  paused,        // behind the record that paused the sale
  ended,         // reserved after the sale's end, or behind the record that closed it
  malformed,     // its order id or quantity breaks the rules of event.h
};

std::string_view name_of(OrderState state);
std::string_view name_of(VoidReason reason);

// 88 bytes on a 64-bit machine when the user's id has at most 15 bytes.
struct Order {
  const SaleState* sale = nullptr;  // null when voided for an unknown sale
  std::string user;
  std::int64_t unit_price = 0;
  std::int64_t reserved_at = 0;
  std::int64_t deadline = 0;  // 0: never
  std::int64_t offset = 0;    // of the reserve
  std::int64_t changed = 0;   // offset of the record that changed it last
  std::int32_t quantity = 0;
  OrderState state = OrderState::reserved;
  VoidReason void_reason = VoidReason::none;
  bool refund_due = false;  // paid after its units were released, or void

  // Holds units that an outcome may free.
  bool is_unpaid() const { return state == OrderState::reserved || state == OrderState::placed; }
  bool holds_units() const { return is_unpaid() || state == OrderState::paid; }
  // Something is still to come: its row, or payment within its deadline.
  bool is_waiting() const {
    return state == OrderState::reserved || (state == OrderState::placed && deadline > 0);
  }
};

}  // namespace sluice::ledger
