#include "frontend/handlers/rate_refusals.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

namespace sluice::frontend {
namespace {

using std::chrono::seconds;

constexpr seconds kPrepared{30};
constexpr std::chrono::nanoseconds kNoWait{0};

std::string_view detail_of(RateLimit limit) {
  switch (limit) {
    case RateLimit::user:
      return "Too many requests of this user; nothing was reserved";
    case RateLimit::address:
      return "Too many requests from this address; nothing was reserved";
    case RateLimit::global:
      return "More orders than the shop takes at once; nothing was reserved";
  }
  return "";
}

http::Response refusal(RateLimit limit, seconds wait) {
  return problem(429, "rate-limited", "Too many requests")
      .detail(detail_of(limit))
      .member("limit", name_of(limit))
      .response()
      .add("Retry-After", fmt::to_string(wait.count()));
}

}  // namespace

RateRefusals::RateRefusals() {
  for (const RateLimit limit : kRateLimits) {
    for (seconds wait{1}; wait <= kPrepared; ++wait) ready_.emplace_back(refusal(limit, wait));
  }
}

http::Answer RateRefusals::of(RateLimit limit, std::chrono::nanoseconds wait) const {
  const seconds whole = std::max(std::chrono::ceil<seconds>(wait), seconds(1));
  if (whole > kPrepared) return refusal(limit, whole);
  const auto row = static_cast<std::size_t>(limit) * static_cast<std::size_t>(kPrepared.count());
  return &ready_[row + static_cast<std::size_t>(whole.count() - 1)];
}

http::Answer rate_limited(const Api& api, RateLimit limit, std::chrono::nanoseconds wait) {
  static const RateRefusals refusals;
  api.metrics.rate_limited[static_cast<std::size_t>(limit)]->add();
  return refusals.of(limit, wait);
}

std::optional<http::Answer> refuse_address(const Api& api, Asked asked,
                                           const http::Request& request) {
  if (!api.admission.limits_addresses()) return std::nullopt;
  const auto address = api.addresses.of(request);
  if (!address) return std::nullopt;
  const auto wait = api.admission.admit_address(asked, *address, api.clock.now());
  if (wait == kNoWait) return std::nullopt;
  return rate_limited(api, RateLimit::address, wait);
}

std::optional<http::Answer> refuse_user(const Api& api, Asked asked, std::string_view user) {
  const auto wait = api.admission.admit_user(asked, user, api.clock.now());
  if (wait == kNoWait) return std::nullopt;
  return rate_limited(api, RateLimit::user, wait);
}

std::optional<http::Answer> refuse_order(const Api& api) {
  const auto wait = api.admission.admit(api.clock.now());
  if (wait == kNoWait) return std::nullopt;
  return rate_limited(api, RateLimit::global, wait);
}

}  // namespace sluice::frontend
