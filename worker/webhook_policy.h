#pragma once
// What an attempt to deliver means, and how long to wait after one that failed
// (docs/decisions/0016). Pure.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "shared/base/clock.h"
#include "shared/base/random.h"

namespace sluice::worker {

// What came of one request.
struct WebhookAnswer {
  std::string id;                     // of the delivery
  int status = 0;                     // 0: there was no whole answer
  std::string text;                   // why there was none, or the beginning of its body
  std::optional<Millis> retry_after;  // as the answer asks
};

enum class Verdict : unsigned char {
  delivered,  // 2xx
  failed,     // to be sent again: no answer, or any other one
  unwanted,   // 410: not to be sent again
};
Verdict verdict_of(const WebhookAnswer& answer);

// For people: "503: come later", "no answer: Connection refused". Printable ASCII, bounded.
std::string error_text(const WebhookAnswer& answer);

// Full jitter: anything from 0 to 1 s after the first failure, to twice as much after each further
// one, to `longest`. REQUIRES: failures > 0.
Millis backoff(std::int64_t failures, Millis longest, Random& random);

// An answer that asks for more is taken for one that asks for this.
inline constexpr Millis kLongestRetryAfter{3'600'000};

// Whether the shop's system is well, by its newest answers. Who fails is left alone, and then asked
// one delivery at a time, so that a system that is down is not run over when it comes back, nor a
// backlog wasted on it.
class EndpointHealth {
 public:
  // Failures in a row; fewer may be the deliveries' own.
  static constexpr std::int64_t kFailing = 5;
  static constexpr Millis kLongestRest{30'000};

  void answered(const WebhookAnswer& answer, Instant now, Millis longest_delay, Random& random);

  // How many requests there may be at a time, of `most`.
  std::size_t requests(Instant now, std::size_t most) const;
  bool failing() const { return failures_ >= kFailing; }

 private:
  std::int64_t failures_ = 0;
  Instant rests_until_;
  Instant
      asked_until_;  // by Retry-After: a success of what was under way beside it changes nothing
};

}  // namespace sluice::worker
