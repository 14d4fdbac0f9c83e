#pragma once
// LedgerReader: the thread that reads the ledger's topic and keeps everything derived from it: the
// folds, the stock, the orders in flight. At start it takes ownership of every partition by an
// epoch record, folds up to it, and only then says ready. Afterwards it follows the log for as long
// as the process lives; when another frontend takes a partition over, it stops and says fenced.
// Anybody may write to the topic: what the fold makes of a record is done, whoever wrote it, and a
// record in a partition where its sale does not live is stepped over.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "frontend/in_flight.h"
#include "frontend/order_board.h"
#include "frontend/order_log.h"
#include "frontend/orders_topic.h"
#include "frontend/sale_changes.h"
#include "frontend/stock_book.h"
#include "frontend/units_due.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/client/consumer.h"
#include "shared/client/settings.h"
#include "shared/ledger/fold.h"
#include "shared/ledger/fold_snapshot.h"
#include "shared/snapshots/fold_snapshots.h"

namespace sluice::frontend {

// What GET /v1/orders/{id} shows of an order that the log has.
struct OrderStatus {
  std::string order;
  std::string sale;
  std::string user;
  std::string currency;
  std::int64_t unit_price = 0;
  std::int64_t quantity = 0;
  std::int64_t reserved_at = 0;
  std::int64_t deadline = 0;
  std::string state;    // queued, placed, paid, rejected, cancelled, expired
  std::string reason;   // of a rejected order
  std::string payment;  // the provider's id of it
  bool refund_due = false;
  std::int64_t position = -1;  // on the log, of what changed it last; -1: in flight
};

class LedgerReader {
 public:
  struct Options {
    client::Settings settings;
    std::vector<ledger::Sale> sales;  // configured: written to the log when it does not know them
    std::int32_t partitions = 4;      // of the topic, when it has to be created
  };

  // `on_end` is called from the reader's thread when it stops by itself: fenced, or the log cannot
  // be trusted. REQUIRES: the references outlive it; nobody else uses `snapshots`.
  LedgerReader(Options options, const Clock& clock, OrderLog& log, StockBook& stock,
               InFlight& in_flight, SaleChanges& changes, OrderBoard& board,
               snapshots::FoldSnapshots& snapshots, std::function<void(Error)> on_end);
  // Stops and joins.
  ~LedgerReader();

  void start();

  // True from the moment when all of the log up to our epochs is folded.
  bool ready() const { return ready_.load(std::memory_order_acquire); }
  // Why not, for /readyz: "reading seckill.orders: 12000 of 48000 records (25 %)".
  std::string progress() const;
  std::uint64_t records() const { return records_.load(std::memory_order_relaxed); }

  // Any thread.
  std::optional<OrderStatus> find_order(std::string_view id) const;
  std::optional<ledger::SaleState> find_sale(std::string_view sale) const;
  std::vector<ledger::SaleState> sales() const;

 private:
  // One partition as this thread sees it.
  struct Partition {
    ledger::FoldedLog log;             // guarded by folds_mutex_
    std::int64_t end_at_start = 0;     // the log's end when this process began to read
    std::int64_t asked_epoch = 0;      // the newest that we sent
    bool waiting_for_epoch = false;    // sent, not read back yet
    bool owned = false;                // an epoch of ours was accepted
    std::set<std::string> sales_sent;  // configured sales that were appended
    std::string snapshot;              // its name
    // Set by the producer's thread, which may outlive this object: send again.
    std::shared_ptr<std::atomic<bool>> send_failed = std::make_shared<std::atomic<bool>>(false);
  };

  void run(std::stop_token stop);

  // ledger_reader_start.cc: until it is ready.
  Result<std::unique_ptr<client::Consumer>> begin(const std::stop_token& stop);
  void prepare(const std::stop_token& stop);
  std::unique_ptr<Partition> load_snapshot(std::int32_t index, std::int32_t count) const;
  Result<std::unique_ptr<client::Consumer>> open_consumer() const;
  Result<void> check_whole(client::Consumer& consumer);
  Result<void> assign_all(client::Consumer& consumer) const;
  std::set<std::int32_t> torn_from_log(const client::Batch& batch);
  void read_from_beginning(std::int32_t index, std::string_view why);
  bool is_elsewhere(const std::string& sale) const;
  Result<void> write_sales(std::int32_t index);
  Result<void> advance_start();
  void build_stock();
  void log_progress();

  Result<void> follow(const std::stop_token& stop);
  Result<void> take(client::Consumer& consumer, const client::Batch& batch);
  Result<void> apply(const client::Batch& batch, const std::set<std::int32_t>& torn);
  Result<void> apply(const client::Record& record);
  void keep_snapshots();
  Result<void> react(std::int32_t index, const ledger::Event& event, const ledger::Change& change);
  Result<void> epoch_changed(std::int32_t index, const ledger::Epoch& epoch, bool accepted);
  bool at_home(std::int32_t partition, std::string_view sale) const;
  void sale_read(const ledger::Change& change, const ledger::Sale& record);
  void sale_changed(const ledger::Change& change, const ledger::Sale& definition);
  void reserve_read(std::int32_t index, std::string_view id);
  void tell(std::string_view id);
  void follow_order(std::int32_t index, std::string_view id);
  void undo(const std::vector<ledger::Reserve>& reserves);
  client::Producer::Done note_failure(std::int32_t index);
  Result<void> take_over(std::int32_t index);
  Result<void> settle_doubts();
  void note_problem(std::string problem);

  const Options options_;
  const Clock& clock_;
  OrderLog& log_;
  StockBook& stock_;
  InFlight& in_flight_;
  SaleChanges& changes_;
  OrderBoard& board_;
  snapshots::FoldSnapshots& snapshots_;
  std::function<void(Error)> on_end_;

  mutable std::shared_mutex folds_mutex_;
  std::vector<std::unique_ptr<Partition>> partitions_;
  UnitsDue units_due_;
  std::set<std::int32_t> at_end_;  // partitions read to their end, at start
  std::atomic<bool> ready_ = false;
  std::atomic<std::uint64_t> records_ = 0;
  std::atomic<std::uint64_t> records_at_start_ = 0;  // on the log when this process began to read
  Instant log_progress_at_{};
  std::optional<RetentionCheck> retention_;  // this thread's; none: it is over
  mutable std::mutex problem_mutex_;
  std::string problem_;  // guarded by problem_mutex_: the last error while not ready
  std::jthread thread_;
};

}  // namespace sluice::frontend
