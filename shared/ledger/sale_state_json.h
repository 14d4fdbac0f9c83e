#pragma once
// A sale's state as JSON, for whoever keeps it without its orders (worker/order_store.h):
//   {"definition":{"type":"sale",…},"granted":5,"held":3,"orders":2,"waiting":1,"revision":1,
//    "defined_at_offset":1,"grants":["initial"],"changes":{"c1":"digest"}}

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/ledger/sale_state.h"

namespace sluice::ledger {

Buffer encode_sale_state(const SaleState& sale);

// Code::corrupt: anything that encode_sale_state() does not make.
Result<SaleState> decode_sale_state(ByteView json);

}  // namespace sluice::ledger
