#include "frontend/event_feed.h"

#include <utility>

namespace sluice::frontend {

EventFeed::~EventFeed() {
  if (on_end_) on_end_();
}

void EventFeed::show(Buffer event) {
  newest_ = std::move(event);
  wake();
}

void EventFeed::cancel() {
  ended_ = true;
  wake();
}

// What it wakes may destroy this.
void EventFeed::wake() {
  timer_.disarm();
  if (waiting_ && !waiting_->await_ready()) waiting_->set(true);
}

Task<Buffer> EventFeed::next() {
  if (!newest_ && !ended_) {
    waiting_ = std::make_unique<OneShot<bool>>();
    timer_.arm(clock_.now() + kQuiet, [this] { wake(); });
    co_await *waiting_;
    waiting_.reset();
  }
  if (ended_) co_return Buffer();
  co_return std::exchange(newest_, std::nullopt).value_or(":\n\n");
}

Buffer event_text(std::string_view id, std::string_view name, std::string_view data) {
  Buffer text;
  if (!id.empty()) text.append("id: ").append(id).append("\n");
  text.append("event: ").append(name).append("\ndata: ").append(data).append("\n\n");
  return text;
}

http::Response event_stream(std::shared_ptr<EventFeed> feed) {
  http::Response response(200, "text/event-stream", Buffer());
  response.add("Cache-Control", "no-store");
  response.add("X-Accel-Buffering", "no");  // proxies pass events on as they come
  response.stream = std::move(feed);
  return response;
}

}  // namespace sluice::frontend
