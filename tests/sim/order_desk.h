#pragma once
// OrderDesk: a worker process as the simulation runs it: the real order machine and outbox relay,
// with the rules of the worker around them, over a simulated client and database. Each partition is
// claimed, read on from what the database has, and written transaction by transaction; when it
// loses the partition it claims it again. Killing it loses all it knows.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/memory_order_store.h"
#include "tests/sim/plant.h"
#include "tests/sim/sim_consumer.h"
#include "tests/sim/sim_producer.h"
#include "worker/order_machine.h"
#include "worker/outbox_relay.h"
#include "worker/payment_watch.h"

namespace sluice::sim {

class OrderDesk {
 public:
  struct Options {
    std::string name;
    std::int32_t partitions = 2;
    Plant plant = Plant::none;
  };

  OrderDesk(SimLoop& loop, BrokerHost& host, History& history, MemoryOrderStore& store,
            Options options);

  // Everything up to these ends is in the store, and what it caused is on the log.
  bool idle() const;
  void kill();
  bool ended() const;

 private:
  struct Read {
    std::int64_t offset = 0;
    std::optional<Buffer> key, value;
  };
  struct Lane {
    std::int32_t partition = 0;
    worker::OrderMachine machine;
    worker::Claim claim;
    worker::PaymentWatch payments;
    std::unique_ptr<SimConsumer> consumer;
    std::vector<Read> unwritten;
    bool lost = false;  // another worker has it, or a claim is due
  };

  Task<void> run();
  Task<void> write(Lane& lane);
  Task<void> recall(Lane& lane, const std::vector<worker::LogRecord>& records);
  worker::PartitionWork understand(Lane& lane, const std::vector<worker::LogRecord>& records);
  void claim(Lane& lane);
  void expire(Lane& lane);
  void read(Lane& lane, const wire::Record& record);
  Result<void> send(client::ProduceRecord record, SimProducer::Done done);
  SimProducer& producer(const Place& place);

  SimLoop& loop_;
  BrokerHost& host_;
  History& history_;
  MemoryOrderStore& store_;
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
