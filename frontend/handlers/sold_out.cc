#include "frontend/handlers/sold_out.h"

#include <algorithm>

#include <fmt/format.h>

#include "frontend/handlers/api.h"

namespace sluice::frontend {
namespace {

constexpr std::int64_t kSecond = 1'000;

// Waits that are told apart: each `step` up to `last`, in seconds.
struct Waits {
  std::int64_t last;
  std::int64_t step;
};
constexpr Waits kWaits[] = {{60, 1}, {600, 10}, {3'600, 60}, {86'400, 600}};

http::Problem refusal() {
  return problem(409, "sold-out", "Sold out");
}

}  // namespace

SoldOutRefusals::SoldOutRefusals()
    : none_due_(refusal().detail("No unit is free now; cancelled ones come back").response()) {
  std::int64_t wait = 0;
  for (const Waits& waits : kWaits) {
    while (wait < waits.last) waits_.push_back(wait += waits.step);
  }
  for (const std::int64_t seconds : waits_) {
    due_.emplace_back(refusal()
                          .detail("No unit is free now; what is not paid in time comes back")
                          .response()
                          .add("Retry-After", fmt::to_string(seconds)));
  }
}

const http::StaticResponse* SoldOutRefusals::of(const SaleStock& sale, WallTime now) const {
  const std::int64_t at = sale.units_due_at();
  const auto ends_at = sale.definition().ends_at;
  if (at == 0 || (ends_at && at >= *ends_at)) return &none_due_;
  const std::int64_t seconds = (at - now.unix_millis + kSecond - 1) / kSecond;
  const auto wait = std::ranges::lower_bound(waits_, std::min(seconds, waits_.back()));
  return &due_[static_cast<std::size_t>(wait - waits_.begin())];
}

const http::StaticResponse* sold_out(const SaleStock& sale, WallTime now) {
  static const SoldOutRefusals refusals;
  return refusals.of(sale, now);
}

}  // namespace sluice::frontend
