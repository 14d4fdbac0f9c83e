#pragma once
// Cashier: pays for some placed orders, calls some off, sometimes both, sometimes twice. What it
// does with an order follows from the order's id, so that it needs no memory. It never dies.

#include <memory>
#include <vector>

#include "shared/ledger/event.h"
#include "tests/sim/sim_consumer.h"
#include "tests/sim/sim_producer.h"

namespace sluice::sim {

class Cashier {
 public:
  Cashier(SimLoop& loop, BrokerHost& host, History& history, std::int32_t partitions);

  bool idle() const;
  // Appends any record, as an operator or a stranger may.
  void append(std::int32_t partition, std::optional<Buffer> key, Buffer value);
  void kill();
  bool ended() const;

 private:
  void read(std::int32_t partition, const wire::Record& record);
  void send(std::int32_t partition, const ledger::Event& event);

  std::vector<std::unique_ptr<SimProducer>> producers_;
  std::vector<std::unique_ptr<SimConsumer>> consumers_;
};

}  // namespace sluice::sim
