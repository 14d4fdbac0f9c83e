#pragma once
// OrderDesk: a worker process as the simulation runs it: the real order machine and outbox relay,
// with the rules of the worker around them, over a simulated client and database. Each partition is
// claimed, folded from a snapshot or the log's beginning, and written transaction by transaction;
// when it loses the partition it claims it again. Killing it loses all it knows.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/memory_order_store.h"
#include "tests/sim/plant.h"
#include "tests/sim/sim_consumer.h"
#include "tests/sim/sim_producer.h"
#include "tests/sim/snapshot_shelf.h"
#include "worker/order_machine.h"
#include "worker/outbox_relay.h"

namespace sluice::sim {

class OrderDesk {
 public:
  struct Options {
    std::string name;
    std::int32_t partitions = 2;
    Plant plant = Plant::none;
  };

  OrderDesk(SimLoop& loop, BrokerHost& host, History& history, MemoryOrderStore& store,
            SnapshotShelf& shelf, Options options);

  // Everything up to these ends is in the store, and what it caused is on the log.
  bool idle() const;
  void kill();
  bool ended() const;

 private:
  struct Lane {
    std::int32_t partition = 0;
    worker::OrderMachine machine;
    worker::Claim claim;
    std::unique_ptr<SimConsumer> consumer;
    worker::PartitionWork work;  // read, not written
    bool lost = false;           // another worker has it, or a claim is due
  };

  Task<void> run();
  Task<void> write(Lane& lane);
  void claim(Lane& lane);
  void expire(Lane& lane);
  void read(Lane& lane, const wire::Record& record);
  Result<void> send(client::ProduceRecord record, SimProducer::Done done);
  SimProducer& producer(const Place& place);

  SimLoop& loop_;
  BrokerHost& host_;
  History& history_;
  MemoryOrderStore& store_;
  SnapshotShelf& shelf_;
  const Options options_;
  std::map<Place, std::unique_ptr<SimProducer>> producers_;
  worker::OutboxRelay relay_;
  std::vector<worker::OutboxKey> sent_;  // not forgotten by the store yet
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::unique_ptr<SimConsumer>> old_consumers_;
  bool dead_ = false;
  Gate gate_;
};

}  // namespace sluice::sim
