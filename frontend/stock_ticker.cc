#include "frontend/stock_ticker.h"

#include "frontend/public_sale.h"

namespace sluice::frontend {

Buffer StockTicker::event_of(const SaleStock& sale) const {
  Buffer json;
  append_public_sale(json, sale, clock_.wall());
  json += '}';
  return event_text("", "stock", json);
}

std::shared_ptr<EventFeed> StockTicker::watch(const SaleStock& sale) {
  auto feed = std::make_shared<EventFeed>(loop_, clock_);
  Watched& watched = sales_[&sale];
  if (watched.feeds.empty()) watched.shown = event_of(sale);
  watched.feeds.push_back(feed);
  feed->show("retry: 2000\n" + watched.shown);
  if (!timer_.armed()) arm();
  return feed;
}

void StockTicker::arm() {
  timer_.arm(clock_.now() + kInterval, [this] { tick(); });
}

void StockTicker::tick() {
  for (auto at = sales_.begin(); at != sales_.end();) {
    auto& [sale, watched] = *at;
    Buffer event = event_of(*sale);
    const bool changed = event != watched.shown;
    watched.shown = std::move(event);
    // What a client takes may end it, and it only: the list is ours.
    std::erase_if(watched.feeds, [&](const std::weak_ptr<EventFeed>& one) {
      const auto feed = one.lock();
      if (!feed || feed->ended()) return true;
      if (changed) feed->show(watched.shown);
      return false;
    });
    at = watched.feeds.empty() ? sales_.erase(at) : std::next(at);
  }
  if (!sales_.empty()) arm();
}

}  // namespace sluice::frontend
