#pragma once
// A sale as people are shown it: its stage beside the units that are left, and both as JSON. Any
// thread.

#include <cstdint>

#include "frontend/sale_stock.h"
#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/ledger/sale_state.h"

namespace sluice::frontend {

// An open sale without a free unit is sold_out. A draft is for nobody's eyes.
ledger::SaleStage shown_stage(const SaleStock& sale, std::int64_t available, WallTime now);

// Appends {"id":…,"ends_at":… without the brace that ends it, so that a caller can say more.
void append_public_sale(Buffer& json, const SaleStock& sale, WallTime now);

}  // namespace sluice::frontend
