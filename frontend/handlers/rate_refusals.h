#pragma once
// The rate limits as handlers ask them, and the 429 of each.

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "frontend/admission.h"
#include "frontend/handlers/api.h"
#include "shared/base/clock.h"
#include "shared/http/request.h"
#include "shared/http/response.h"

namespace sluice::frontend {

// Serialised in advance for the waits that are common, so that a flood costs no allocation.
// Immutable; any thread.
class RateRefusals {
 public:
  RateRefusals();

  // REQUIRES: this outlives the connections that the answer is for.
  http::Answer of(RateLimit limit, std::chrono::nanoseconds wait) const;

 private:
  std::vector<http::StaticResponse> ready_;  // by limit, by whole seconds
};

// Counts the request from its address, of its user, or as one of all. Nothing: it is within the
// limit. Else the 429, which the metrics have counted, too.
std::optional<http::Answer> refuse_address(const Api& api, Asked asked,
                                           const http::Request& request);
std::optional<http::Answer> refuse_user(const Api& api, Asked asked, std::string_view user);
std::optional<http::Answer> refuse_order(const Api& api);

// The 429 of another limit on users, counted as theirs.
http::Answer rate_limited(const Api& api, RateLimit limit, std::chrono::nanoseconds wait);

}  // namespace sluice::frontend
