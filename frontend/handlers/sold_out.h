#pragma once
// The sold-out answer: the hot path of a flash sale. It is one of some hundred that were serialised
// in advance, one for each Retry-After, so that a refusal allocates nothing, logs nothing and takes
// no lock.

#include <cstdint>
#include <vector>

#include "frontend/sale_stock.h"
#include "shared/base/clock.h"
#include "shared/http/response.h"

namespace sluice::frontend {

// Immutable; any thread.
class SoldOutRefusals {
 public:
  SoldOutRefusals();

  // Retry-After: until units come back that nobody pays for (see SaleStock::units_due_at), in
  // seconds: at least one second, never early, late by a sixth at most; a day when it is longer.
  // Without Retry-After when none are due while the sale goes on: then it takes a cancellation or a
  // grant. REQUIRES: this outlives the connections that the answer is for.
  const http::StaticResponse* of(const SaleStock& sale, WallTime now) const;

 private:
  http::StaticResponse none_due_;
  std::vector<std::int64_t> waits_;        // seconds, ascending
  std::vector<http::StaticResponse> due_;  // by `waits_`
};

// Of the process.
const http::StaticResponse* sold_out(const SaleStock& sale, WallTime now);

}  // namespace sluice::frontend
