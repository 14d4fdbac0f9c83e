#pragma once
// WebhookQueue: which delivery is sent next, and what becomes of each. Pure; one thread.
//
// The database holds the backlog; here is a stretch of it, what is on its way, and what is not
// recorded yet. Of one order only the first delivery is ever here, because the database gives the
// next when that one is gone.

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/random.h"
#include "shared/orders/delivery.h"
#include "worker/webhook_policy.h"

namespace sluice::worker {

class WebhookQueue {
 public:
  struct Limits {
    std::size_t concurrency = 8;    // requests at a time
    Millis longest_delay{600'000};  // between two attempts, unless the answer asks for more
    Millis retry_for{259'200'000};  // from the first attempt; whatever fails later is parked
  };

  // Deliveries that wait here to be sent; 1 MiB, at 2 KiB each.
  static constexpr std::size_t kWaitingMax = 500;
  // Outcomes that wait to be recorded: nothing is sent beyond.
  static constexpr std::size_t kUnrecordedMax = 1'000;

  // REQUIRES: `random` outlives it.
  WebhookQueue(const Limits& limits, Random& random) : limits_(limits), random_(random) {}

  // What is on its way stays on its way.
  void set_concurrency(std::size_t requests) { limits_.concurrency = requests; }

  // Whether the database is to be asked, and for how many: what it names again is not counted.
  bool wants_more(Instant now) const;
  std::size_t to_ask_for() const { return kWaitingMax + in_flight_.size() + unrecorded_.size(); }

  // What the database has due. It takes the place of what waited here.
  void offer(std::vector<orders::Delivery> due);
  // Nothing waits here any more; what is on its way is.
  void clear_waiting() { waiting_.clear(); }

  // The next one to be sent, which is on its way then.
  std::optional<orders::Delivery> take(Instant now);

  // REQUIRES: it is on its way. The outcome waits to be recorded.
  const orders::DeliveryOutcome& answered(const WebhookAnswer& answer, Instant now, WallTime wall);

  // In the order of the answers. They stay until recorded().
  const std::vector<orders::DeliveryOutcome>& unrecorded() const { return outcomes_; }
  void recorded();

  std::size_t in_flight() const { return in_flight_.size(); }
  bool has_waiting() const { return !waiting_.empty(); }
  bool failing() const { return health_.failing(); }

 private:
  bool may_send(Instant now) const;
  orders::DeliveryOutcome outcome_of(const orders::Delivery& delivery, const WebhookAnswer& answer,
                                     WallTime wall);

  Limits limits_;
  Random& random_;
  EndpointHealth health_;
  std::deque<orders::Delivery> waiting_;
  std::map<std::string, orders::Delivery> in_flight_;
  std::vector<orders::DeliveryOutcome> outcomes_;
  std::set<std::string> unrecorded_;  // the ids of outcomes_
};

}  // namespace sluice::worker
