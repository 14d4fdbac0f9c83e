#include "worker/payment_watch.h"

#include <algorithm>
#include <utility>

namespace sluice::worker {

void PaymentWatch::placed(std::int64_t deadline) {
  if (deadline > 0) ask_at_ = std::min(ask_at_, std::max(deadline, not_before_));
}

void PaymentWatch::ended() {
  if (more_) ask_at_ = std::min(ask_at_, not_before_);
}

std::vector<Unpaid> PaymentWatch::overdue(std::vector<Unpaid> unpaid, WallTime now) {
  not_before_ = now.unix_millis + kInterval.count();
  more_ = unpaid.size() >= kMost;
  ask_at_ = kNever;
  std::unordered_map<std::string, std::int64_t> called_off;
  std::vector<Unpaid> due;
  for (Unpaid& order : unpaid) {
    if (order.deadline > now.unix_millis) {
      ask_at_ = std::min(ask_at_, order.deadline);
      more_ = false;  // what the answer has not is due later
      break;
    }
    const auto before = called_off_.find(order.order_id);
    const bool again =
        before == called_off_.end() || now.unix_millis >= before->second + kAgainAfter.count();
    const std::int64_t at = again ? now.unix_millis : before->second;
    called_off.emplace(order.order_id, at);
    ask_at_ = std::min(ask_at_, at + kAgainAfter.count());
    if (again) due.push_back(std::move(order));
  }
  called_off_ = std::move(called_off);  // the others are gone
  ask_at_ = std::max(ask_at_, not_before_);
  return due;
}

}  // namespace sluice::worker
