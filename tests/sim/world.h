#pragma once
// World: one simulated run: a broker, shops, a worker and their customers, and the faults that
// befall them, all drawn from one seed. First trouble for so many ticks, then none: everything must
// settle, and the audit must find nothing.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/audit.h"
#include "tests/sim/cashier.h"
#include "tests/sim/order_desk.h"
#include "tests/sim/shop.h"

namespace sluice::sim {

struct RunReport {
  std::optional<std::string> failure;
  // What happened, so that a run that tests nothing is seen.
  std::size_t ticks = 0;
  std::int64_t records = 0;
  std::int64_t orders = 0;
  std::int64_t voided = 0;
  int broker_crashes = 0;
  int shops = 0;
  int desks = 0;
};

class World {
 public:
  World(std::uint64_t seed, Plant plant);
  ~World();

  RunReport run(std::size_t trouble_ticks);

 private:
  static constexpr std::int32_t kPartitions = 2;

  Task<void> create_topics_until_done();
  void open_shop();
  Shop& shop();
  void open_desk();
  void fault();
  void broker_fault(std::uint64_t kind);
  void process_fault(std::uint64_t kind);
  void restart_broker_soon();
  void schedule_fault();
  void schedule_order();
  void place_some_order();
  void send_raw();
  void calm();
  void retry_unanswered();
  bool settled() const;
  std::string unsettled() const;
  LedgerText read_everything();
  void finish();
  bool ended() const;

  const Plant plant_;
  History history_;
  SimLoop loop_;
  BrokerHost host_;
  MemoryOrderStore store_;
  SnapshotShelf shelf_{loop_};
  std::vector<ledger::Sale> sales_;
  std::unique_ptr<KafkaClient> admin_;
  std::vector<std::unique_ptr<Shop>> shops_;  // the last one is meant to sell
  std::vector<std::unique_ptr<OrderDesk>> desks_;
  std::unique_ptr<Cashier> cashier_;
  std::vector<std::unique_ptr<SimProducer>> raw_;
  std::map<std::string, Order> unanswered_;  // shoppers try again
  bool topics_ready_ = false;
  bool trouble_ = true;
  bool finished_ = false;  // nothing is started any more
  std::int64_t raw_sent_ = 0;
  RunReport report_;
  Gate gate_;
};

}  // namespace sluice::sim
