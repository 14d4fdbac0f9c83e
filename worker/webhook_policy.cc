#include "worker/webhook_policy.h"

#include <algorithm>

#include <fmt/format.h>

#include "shared/orders/delivery.h"

namespace sluice::worker {
namespace {

constexpr Millis kFirstDelay{1'000};

std::string printable(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text;
}

}  // namespace

Verdict verdict_of(const WebhookAnswer& answer) {
  if (answer.status / 100 == 2) return Verdict::delivered;
  return answer.status == 410 ? Verdict::unwanted : Verdict::failed;
}

std::string error_text(const WebhookAnswer& answer) {
  std::string text = answer.status == 0 ? "no answer" : fmt::to_string(answer.status);
  if (!answer.text.empty()) text += ": " + answer.text;
  return printable(text.substr(0, orders::kMaxLastErrorBytes));
}

Millis backoff(std::int64_t failures, Millis longest, Random& random) {
  Millis most = std::min(kFirstDelay, longest);
  for (std::int64_t i = 1; i < failures && most < longest; ++i) most = std::min(most * 2, longest);
  return Millis(
      static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(most.count()) + 1)));
}

void EndpointHealth::answered(const WebhookAnswer& answer, Instant now, Millis longest_delay,
                              Random& random) {
  if (verdict_of(answer) == Verdict::delivered) {
    failures_ = 0;
    rests_until_ = {};
    return;
  }
  Millis rest{0};
  if (now >= rests_until_) {  // else it was on its way already, and says nothing new
    failures_ += 1;
    if (failing())
      rest = backoff(failures_ - kFailing + 1, std::min(longest_delay, kLongestRest), random);
  }
  rests_until_ = std::max(rests_until_, now + rest);
  const Millis asked = std::min(answer.retry_after.value_or(Millis(0)), kLongestRetryAfter);
  asked_until_ = std::max(asked_until_, now + asked);
}

std::size_t EndpointHealth::requests(Instant now, std::size_t most) const {
  if (now < std::max(rests_until_, asked_until_)) return 0;
  return failing() ? std::min<std::size_t>(most, 1) : most;
}

}  // namespace sluice::worker
