#pragma once
// The audit at rest: the whole log, read by a stranger, against what shoppers were told, the rows
// of the orders table, and what the shop would sell next. docs and fold.h name the invariants:
// I1 never oversold, I2 an accepted order is durable, I3 one row for each order, I4 released once,
// I5 the sums agree; no user holds more than the limit at any moment, and nobody holds units beyond
// the payment's deadline.

#include <cstdint>
#include <vector>

#include "shared/ledger/event.h"
#include "tests/sim/history.h"
#include "tests/sim/memory_order_store.h"
#include "tests/sim/shop.h"

namespace sluice::sim {

// The ledger as it was read: per partition, the record values in offset order.
using LedgerText = std::vector<std::vector<std::string>>;

struct AuditCounts {
  std::int64_t orders = 0;
  std::int64_t voided = 0;
};

// Tells `history` of the first thing that does not hold.
AuditCounts audit(const LedgerText& ledger, const std::vector<ledger::Sale>& sales,
                  const MemoryOrderStore& store, const Shop& shop, History& history);

}  // namespace sluice::sim
