#pragma once
// Shop: a frontend process as the simulation runs it: the real stock, in-flight book and fold, with
// the rules of the ledger reader around them, over a simulated client. It takes every partition
// over by an epoch, folds up to it, then sells; what it cannot know stays held until a new epoch
// settles it. Killing it loses all it knows.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "frontend/in_flight.h"
#include "frontend/sale_stock.h"
#include "shared/ledger/fold.h"
#include "tests/sim/plant.h"
#include "tests/sim/sim_consumer.h"
#include "tests/sim/sim_producer.h"
#include "tests/sim/snapshot_shelf.h"

namespace sluice::sim {

struct Order {
  std::string sale;
  std::string user;
  std::string key;
  std::int64_t quantity = 1;
};

class Shop {
 public:
  struct Options {
    std::string name;
    std::int32_t partitions = 2;
    std::vector<ledger::Sale> sales;  // configured
    Millis delivery_timeout{1'500};
    Plant plant = Plant::none;
  };
  enum class Answer : unsigned char { queued, pending, not_reserved, refused };
  using Told = std::function<void(Answer, const std::string& order)>;

  Shop(SimLoop& loop, BrokerHost& host, History& history, SnapshotShelf& shelf, Options options);

  // Calls `told` once, unless the shop is killed before.
  void place(const Order& order, Told told);
  bool ready() const { return ready_; }
  bool fenced() const { return fenced_; }
  // Nothing of it is under way.
  bool idle() const;
  // What it would sell next; -1 for a sale it does not know.
  std::int64_t available(const std::string& sale) const;
  void kill();
  bool ended() const;

 private:
  struct Partition {
    ledger::FoldedLog log;
    std::unique_ptr<SimProducer> producer;
    std::unique_ptr<SimConsumer> consumer;
    std::int64_t epoch = 0;  // reserves carry it
    std::int64_t asked_epoch = 0;
    std::int64_t durable_epoch = 0;  // the newest of ours that is known to be on the log
    bool waiting_for_epoch = false;
    bool owned = false;
    bool send_failed = false;
    std::set<std::string> sales_sent;
  };

  void apply(std::int32_t index, const wire::Record& record);
  void react(std::int32_t index, const ledger::Event& event, const ledger::Change& change);
  void reserve_read(std::int32_t index, std::string_view id);
  void follow_order(std::int32_t index, std::string_view id);
  void epoch_changed(std::int32_t index, const ledger::Epoch& epoch, bool accepted);
  void at_end(std::int32_t index);
  void advance_start();
  void take_over(std::int32_t index);
  void write_sales(std::int32_t index);
  void build_stock();
  void settle_doubts();
  void tick();
  void send(std::int32_t index, const ledger::Event& event);
  void reserve(frontend::SaleStock& stock, const Order& order, Told told);
  void delivered(const ledger::PackedOrderId& id, client::Outcome outcome);
  bool idle(const Partition& partition) const;

  SimLoop& loop_;
  SnapshotShelf& shelf_;
  const Options options_;
  std::vector<std::unique_ptr<Partition>> partitions_;
  std::map<std::string, std::unique_ptr<frontend::SaleStock>> stock_;
  frontend::InFlight in_flight_;
  std::set<std::int32_t> at_end_;
  bool ready_ = false;
  bool fenced_ = false;
  bool dead_ = false;
  bool ticking_ = true;
};

}  // namespace sluice::sim
