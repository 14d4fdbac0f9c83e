#include "worker/webhook_queue.h"

#include <algorithm>
#include <utility>

#include "shared/base/check.h"

namespace sluice::worker {

using orders::Delivery;
using orders::DeliveryOutcome;

bool WebhookQueue::may_send(Instant now) const {
  return outcomes_.size() < kUnrecordedMax &&
         in_flight_.size() < health_.requests(now, limits_.concurrency);
}

bool WebhookQueue::wants_more(Instant now) const {
  return waiting_.empty() && may_send(now);
}

void WebhookQueue::offer(std::vector<Delivery> due) {
  waiting_.clear();
  for (Delivery& delivery : due) {
    if (in_flight_.contains(delivery.id) || unrecorded_.contains(delivery.id)) continue;
    if (waiting_.size() == kWaitingMax) return;
    waiting_.push_back(std::move(delivery));
  }
}

std::optional<Delivery> WebhookQueue::take(Instant now) {
  if (waiting_.empty() || !may_send(now)) return std::nullopt;
  Delivery next = std::move(waiting_.front());
  waiting_.pop_front();
  in_flight_.emplace(next.id, next);
  return next;
}

const DeliveryOutcome& WebhookQueue::answered(const WebhookAnswer& answer, Instant now,
                                              WallTime wall) {
  const auto sent = in_flight_.extract(answer.id);
  CHECK(!sent.empty());
  health_.answered(answer, now, limits_.longest_delay, random_);
  unrecorded_.insert(answer.id);
  return outcomes_.emplace_back(outcome_of(sent.mapped(), answer, wall));
}

DeliveryOutcome WebhookQueue::outcome_of(const Delivery& delivery, const WebhookAnswer& answer,
                                         WallTime wall) {
  const Verdict verdict = verdict_of(answer);
  if (verdict == Verdict::delivered) return {.id = delivery.id};
  const std::int64_t first =
      delivery.first_attempt_at > 0 ? delivery.first_attempt_at : wall.unix_millis;
  const bool given_up = wall >= WallTime{first} + limits_.retry_for;
  Millis delay = backoff(delivery.attempts + 1, limits_.longest_delay, random_);
  if (answer.retry_after) {
    delay = std::max(delay, std::min(*answer.retry_after, kLongestRetryAfter));
  }
  return {.id = delivery.id,
          .kind = verdict == Verdict::unwanted || given_up ? DeliveryOutcome::Kind::parked
                                                           : DeliveryOutcome::Kind::again,
          .attempts_before = delivery.attempts,
          .first_attempt_at = first,
          .due_at = (wall + delay).unix_millis,
          .error = error_text(answer)};
}

void WebhookQueue::recorded() {
  outcomes_.clear();
  unrecorded_.clear();
}

}  // namespace sluice::worker
