#pragma once
// Service: the HTTP connections of one loop, over any Stream. Knows no sockets and no timers: who
// owns it gives it streams and calls tick(). On the loop thread.

#include <cstddef>
#include <list>
#include <memory>

#include "shared/async/gate.h"
#include "shared/async/stream.h"
#include "shared/async/task.h"
#include "shared/base/clock.h"
#include "shared/http/connection.h"
#include "shared/http/http_limits.h"

namespace sluice::http {

class Service {
 public:
  // REQUIRES: the clock outlives it; the handler's StaticResponses outlive its connections.
  Service(const Clock& clock, Limits limits, Handler handler);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  // REQUIRES: no connection is left (stop() has finished, or all have ended).
  ~Service() = default;

  // Serves the stream until it ends. At connections_max it is told 503 and closed.
  void serve(std::unique_ptr<Stream> stream);

  // Applies the time limits and renews the Date header: about twice a second. A limit is never
  // applied early, and late by no more than the distance of the ticks.
  void tick();

  // No new connections or requests; idle connections end now, others after their last answer, and
  // those that are left at `deadline` are cut off (by the tick after it). Finishes when none is
  // left, which waits for every handler that runs. Called once.
  Task<void> stop(Instant deadline);

  std::size_t connections() const { return connections_.size(); }
  const Counters& counters() const { return shared_.counters; }

 private:
  Task<void> run(std::unique_ptr<Stream> stream);
  Task<void> refuse(std::unique_ptr<Stream> stream);

  Shared shared_;
  StaticResponse overloaded_;
  std::list<Connection*> connections_;
  std::int64_t date_second_ = 0;
  Instant cut_off_ = Instant::never();
  Gate gate_;
};

}  // namespace sluice::http
