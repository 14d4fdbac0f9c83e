#include "worker/order_pace.h"

#include <algorithm>
#include <limits>

namespace sluice::worker {
namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds kFull{100'000'000};

}  // namespace

void OrderPace::set(std::int64_t orders_per_second) {
  per_order_ = nanoseconds(orders_per_second > 0 ? 1'000'000'000 / orders_per_second : 0);
}

nanoseconds OrderPace::capacity() const {
  return std::max(kFull, per_order_);
}

std::int64_t OrderPace::allowed(Instant now) const {
  if (per_order_.count() == 0) return std::numeric_limits<std::int64_t>::max();
  const nanoseconds filled = std::clamp(now - empty_at_, nanoseconds(0), capacity());
  return filled / per_order_;
}

Instant OrderPace::next(Instant now) const {
  return std::max(now, empty_at_ + per_order_);
}

void OrderPace::placed(std::int64_t orders, Instant now) {
  empty_at_ = std::max(empty_at_, now + -capacity()) + orders * per_order_;
}

}  // namespace sluice::worker
