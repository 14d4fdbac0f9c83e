// GET /v1/orders/{id}/events and GET /v1/sales/{sale}/events: the state of an order, and the live
// stock of a sale, as server-sent events.

#include <charconv>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "frontend/event_feed.h"
#include "frontend/handlers/api.h"
#include "frontend/order_view.h"

namespace sluice::frontend {
namespace {

// Brings each state of one order to its feed. Lives as long as the feed, or a wake-up under way.
class OrderFollower : public std::enable_shared_from_this<OrderFollower> {
 public:
  OrderFollower(const Api& api, ledger::PackedOrderId order, std::int64_t known_position)
      : api_(api), order_(order), known_position_(known_position) {}

  std::shared_ptr<EventFeed> start() {
    auto feed = std::make_shared<EventFeed>(api_.loop, api_.clock);
    feed->on_end([self = shared_from_this()] { self->stop(); });
    feed_ = feed;
    look();
    return feed;
  }

 private:
  // Watches before it looks, so that no change is missed.
  void look() {
    const auto feed = feed_.lock();
    if (!feed) return;
    if (api_.board.stopped()) return feed->cancel();
    ticket_ = api_.board.watch(order_, [&loop = api_.loop, weak = weak_from_this()] {
      loop.post([weak] {
        if (const auto self = weak.lock()) self->look();
      });
    });
    const auto order = look_up(api_.in_flight, api_.ledger, ledger::order_id_text(order_));
    // Sent, and now known not to be on the log: there is nothing to show any more.
    if (!order) return feed->cancel();
    const bool known = order->position >= 0 && order->position == known_position_;
    const std::string id = order->position < 0 ? "" : fmt::to_string(order->position);
    // The same state once more when it has got its place on the log, to come back with.
    Buffer event = event_text(id, "order", order_json(*order));
    if (known || event == shown_) return;
    shown_ = std::move(event);
    feed->show("retry: 2000\n" + shown_);
  }

  void stop() { api_.board.unwatch(order_, ticket_); }

  const Api api_;
  const ledger::PackedOrderId order_;
  const std::int64_t known_position_;
  std::weak_ptr<EventFeed> feed_;
  std::uint64_t ticket_ = 0;
  Buffer shown_;
};

// The position that the client has seen; -1: none.
std::int64_t last_event_id(const http::Request& request) {
  const ByteView text = request.header("Last-Event-ID").value_or(ByteView());
  std::int64_t id = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  return error == std::errc() && end == text.data() + text.size() ? id : -1;
}

http::Answer order_events(const Api& api, const http::Request& request) {
  auto order = order_to_show(api, request);
  if (!order) return std::move(order.error());
  const auto follower = std::make_shared<OrderFollower>(api, *ledger::pack_order_id(order->order),
                                                        last_event_id(request));
  return event_stream(follower->start());
}

http::Answer sale_events(const Api& api, const http::Request& request) {
  const SaleStock* sale = api.stock.find(request.param("sale"));
  const bool shown = sale != nullptr && sale->stage(api.clock.wall()) != ledger::SaleStage::draft;
  if (!shown) return api.ledger.ready() ? no_such_sale() : starting();
  return event_stream(api.ticker.watch(*sale));
}

}  // namespace

void add_events(http::Router& router, const Api& api) {
  router.add("GET", "/v1/orders/{id}/events",
             [api](const http::Request& request) { return order_events(api, request); });
  router.add("GET", "/v1/sales/{sale}/events",
             [api](const http::Request& request) { return sale_events(api, request); });
}

}  // namespace sluice::frontend
