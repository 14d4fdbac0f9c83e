#include "shared/http/service.h"

#include <array>
#include <utility>

#include "shared/http/problem.h"

namespace sluice::http {

Service::Service(const Clock& clock, Limits limits, Handler handler)
    : shared_{clock, limits, std::move(handler), http_date(clock.wall()), {}, false},
      overloaded_(Problem(503, "too-many-connections")
                      .detail("the server has no room for another connection")
                      .response()
                      .add("Retry-After", "1")) {}

void Service::serve(std::unique_ptr<Stream> stream) {
  const bool refused = shared_.stopping || connections_.size() >= shared_.limits.connections_max;
  if (refused) {
    ++shared_.counters.connections_refused;
    gate_.spawn(refuse(std::move(stream)));
  } else {
    ++shared_.counters.connections_accepted;
    gate_.spawn(run(std::move(stream)));
  }
}

Task<void> Service::run(std::unique_ptr<Stream> stream) {
  Connection connection(std::move(stream), shared_);
  const auto place = connections_.insert(connections_.end(), &connection);
  co_await connection.run();
  connections_.erase(place);
}

// A fresh socket takes these few bytes at once, so this needs no time limit.
Task<void> Service::refuse(std::unique_ptr<Stream> stream) {
  Buffer bytes;
  overloaded_.append_to(bytes, shared_.date, Persistence::close, false);
  const std::array<ByteView, 1> parts{bytes};
  const auto written = co_await stream->write(parts);
  if (written) stream->finish_sending();
}

void Service::tick() {
  static constexpr std::int64_t kSecond = 1000;
  const auto wall = shared_.clock.wall();
  if (std::exchange(date_second_, wall.unix_millis / kSecond) != wall.unix_millis / kSecond) {
    shared_.date = http_date(wall);
  }
  const auto now = shared_.clock.now();
  for (auto at = connections_.begin(); at != connections_.end();) {
    auto* connection = *at++;  // it may end, and leave the list, in the call
    if (cut_off_ <= now) {
      connection->abort();
    } else {
      connection->expire(now);
    }
  }
}

Task<void> Service::stop(Instant deadline) {
  shared_.stopping = true;
  cut_off_ = deadline;
  for (auto at = connections_.begin(); at != connections_.end();) {
    auto* connection = *at++;
    connection->begin_stop();
  }
  co_await gate_.close();
}

}  // namespace sluice::http
