#include "worker/payment_watch.h"

#include <algorithm>
#include <utility>

namespace sluice::worker {
namespace {

template <class T>
void lower(std::optional<T>& least, T value) {
  least = least ? std::min(*least, value) : value;
}

Millis until(Instant at, Instant now) {
  return at <= now ? Millis(0) : std::chrono::ceil<Millis>(at - now);
}

}  // namespace

void PaymentWatch::placed(std::int64_t deadline) {
  if (deadline > 0) lower(next_, deadline);
}

Millis PaymentWatch::until_ask(Instant now, WallTime wall) const {
  Millis wait = look_ ? Millis(0) : kIdle;
  if (next_) wait = std::min(wait, Millis(std::max<std::int64_t>(0, *next_ - wall.unix_millis)));
  if (again_at_) wait = std::min(wait, until(*again_at_, now));
  return not_before_ ? std::max(wait, until(*not_before_, now)) : wait;
}

std::vector<Unpaid> PaymentWatch::due(std::vector<Unpaid> unpaid, Instant now, WallTime wall) {
  look_ = false;
  more_ = unpaid.size() >= kMost;
  next_.reset();
  again_at_.reset();
  not_before_ = now + kInterval;
  std::unordered_map<std::string, Instant> still_unpaid;
  std::vector<Unpaid> list;
  for (Unpaid& order : unpaid) {
    if (order.deadline > wall.unix_millis) {
      next_ = order.deadline;
      more_ = false;  // what the answer has not is due later
      break;
    }
    const auto before = called_off_.find(order.order_id);
    if (before == called_off_.end() || now >= before->second + kAgainAfter) {
      list.push_back(std::move(order));
    } else {
      lower(again_at_, before->second + kAgainAfter);
      still_unpaid.insert(*before);
    }
  }
  called_off_ = std::move(still_unpaid);
  return list;
}

void PaymentWatch::called_off(const std::string& order_id, Instant now) {
  called_off_.insert_or_assign(order_id, now);
  lower(again_at_, now + kAgainAfter);
}

}  // namespace sluice::worker
