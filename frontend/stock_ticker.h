#pragma once
// StockTicker: sales and their stock, live, for those who watch, on one loop. A few times a second
// each watched sale is looked at once, and if it changed one text goes to all who watch it: the
// cost does not grow with what is sold. Without watchers it sleeps. On the loop's thread.

#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <vector>

#include "frontend/event_feed.h"
#include "frontend/sale_stock.h"
#include "shared/base/clock.h"
#include "shared/net/loop.h"
#include "shared/net/timer.h"

namespace sluice::frontend {

class StockTicker {
 public:
  static constexpr Millis kInterval{250};

  StockTicker(net::Loop& loop, const Clock& clock)
      : loop_(loop), clock_(clock), timer_(loop, clock) {}

  // A feed that shows the sale now and after each change, until its client goes.
  std::shared_ptr<EventFeed> watch(const SaleStock& sale);
  std::size_t watched() const { return sales_.size(); }

 private:
  struct Watched {
    Buffer shown;
    std::list<std::weak_ptr<EventFeed>> feeds;
  };

  Buffer event_of(const SaleStock& sale) const;
  void tick();
  void arm();

  net::Loop& loop_;
  const Clock& clock_;
  net::Timer timer_;
  std::map<const SaleStock*, Watched> sales_;
};

}  // namespace sluice::frontend
