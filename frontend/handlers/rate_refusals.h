#pragma once
// RateRefusals: the 429 of each rate limit. Serialised in advance for the waits that are common, so
// that a flood costs no allocation. Immutable; any thread.

#include <chrono>
#include <vector>

#include "frontend/admission.h"
#include "shared/http/response.h"

namespace sluice::frontend {

class RateRefusals {
 public:
  RateRefusals();

  // REQUIRES: this outlives the connections that the answer is for.
  http::Answer of(RateLimit limit, std::chrono::nanoseconds wait) const;

 private:
  std::vector<http::StaticResponse> ready_;  // by limit, by whole seconds
};

}  // namespace sluice::frontend
