#pragma once
// EventFeed: server-sent events (WHATWG HTML, section 9.2) for one client that show a state. Who
// has not taken an event yet gets the newest in its place, so that a slow client holds one event at
// most, however much happens. On the loop's thread.

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "shared/async/one_shot.h"
#include "shared/base/clock.h"
#include "shared/http/response.h"
#include "shared/net/timer.h"

namespace sluice::frontend {

class EventFeed final : public http::BodyStream {
 public:
  // While nothing happens a comment says that the server lives, before proxies lose patience.
  static constexpr std::chrono::seconds kQuiet{15};

  EventFeed(net::Loop& loop, const Clock& clock) : clock_(clock), timer_(loop, clock) {}
  ~EventFeed() override;

  // Called once, when nobody takes events any more.
  void on_end(std::move_only_function<void()> callback) { on_end_ = std::move(callback); }

  // The newest state, as an event or more.
  void show(Buffer event);
  bool ended() const { return ended_; }

  Task<Buffer> next() override;
  void cancel() override;

 private:
  void wake();

  const Clock& clock_;
  net::Timer timer_;
  std::optional<Buffer> newest_;
  bool ended_ = false;
  std::unique_ptr<OneShot<bool>> waiting_;
  std::move_only_function<void()> on_end_;
};

// One event: `data` has no line ends.
Buffer event_text(std::string_view id, std::string_view name, std::string_view data);

// The answer that a feed is the body of.
http::Response event_stream(std::shared_ptr<EventFeed> feed);

}  // namespace sluice::frontend
