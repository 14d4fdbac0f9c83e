#pragma once
// WaitingRooms: the waiting lines of all sales that have one, and the thread that keeps their
// durable facts on the log (line_log.h). Requests only look and take numbers; what has to be
// written is found out by that thread, some fifty times a second, so no request waits for the log.
// Without such a sale the thread does nothing, and there is no topic.

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "frontend/line_log.h"
#include "frontend/rate_table.h"
#include "frontend/stock_book.h"
#include "frontend/waiting_line.h"
#include "shared/base/clock.h"
#include "shared/client/settings.h"
#include "shared/ledger/sale_state.h"

namespace sluice::frontend {

// The line of one sale. Any thread.
class WaitingRoom {
 public:
  WaitingRoom(std::string sale, LineRecord durable, WallTime now);

  // Whether there is a ticket for somebody who has none. If not, there will be within a second.
  bool has_ticket(WallTime now);
  // That ticket; nothing, if somebody was faster.
  std::optional<std::string> take_ticket(std::string_view user, WallTime now);
  // Where the holder of the ticket stands; nothing, if it is not a genuine one of his.
  std::optional<WaitingLine::Place> place(ByteView ticket, std::string_view user,
                                          WallTime now) const;

  // No unit is left, and none can come back: nobody need wait.
  bool is_in_vain() const { return in_vain_.load(std::memory_order_relaxed); }

 private:
  friend class WaitingRooms;

  const std::string sale_;
  const std::string secret_;
  mutable std::mutex mutex_;
  WaitingLine line_;  // guarded by mutex_
  std::atomic<bool> in_vain_ = false;
};

class WaitingRooms {
 public:
  // What the log says of a sale; nothing while it is not known.
  using FindSale = std::function<std::optional<ledger::SaleState>(std::string_view sale)>;

  // REQUIRES: the references outlive it.
  WaitingRooms(client::Settings settings, const Clock& clock, StockBook& stock, FindSale find_sale);
  // Stops and joins.
  ~WaitingRooms();

  void start();

  // Null: not open yet, but within a second. The pointer stays valid.
  WaitingRoom* find(std::string_view sale) const;

  // 0: this user may have another ticket, which is counted; else not before that much later. Each
  // takes a place that somebody may want.
  std::chrono::nanoseconds admit_ticket(std::string_view user, Instant now);

 private:
  void run(const std::stop_token& stop);
  bool is_wanted() const;
  void renew();
  WaitingRoom& room(const SaleStock& sale, WallTime now);
  void look_at_stock(const SaleStock& sale, WaitingRoom& room) const;
  bool pause(const std::stop_token& stop) const;

  LineLog log_;
  const Clock& clock_;
  StockBook& stock_;
  const FindSale find_sale_;
  const std::uint64_t secret_;
  RateTable tickets_;
  std::optional<LineLog::Records> recovered_;  // by the thread
  mutable std::shared_mutex rooms_mutex_;
  std::map<std::string, std::unique_ptr<WaitingRoom>, std::less<>> rooms_;  // guarded
  std::jthread thread_;
};

}  // namespace sluice::frontend
