#pragma once
// SimProducer: an idempotent producer for one partition, with a client's habits: batches keep their
// sequence through any number of retries, several are in flight, a new connection sends all of them
// again in order. With a delivery timeout it gives up, says what it knows (client::Outcome), and
// goes on under a new producer id, while what it gave up may still arrive.

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/client/producer.h"
#include "shared/wire/messages/produce.h"
#include "tests/sim/kafka_client.h"

namespace sluice::sim {

class SimProducer {
 public:
  struct Options {
    std::string name;            // the part of its record ids before ':'
    Place place;                 // where it writes
    std::size_t in_flight = 1;   // batches; 1 with a delivery timeout
    Millis delivery_timeout{0};  // 0: never gives up
  };
  using Done = std::move_only_function<void(client::Delivery)>;

  SimProducer(SimLoop& loop, BrokerHost& host, History& history, Options options);

  void send(std::optional<Buffer> key, std::optional<Buffer> value, Done done);
  // Nothing is outstanding.
  bool idle() const { return queue_.empty() && in_flight_.empty(); }
  // The process is gone: nobody hears of what was outstanding.
  void kill();
  bool ended() const { return gate_.running() == 0; }

 private:
  struct Item {
    std::string id;
    std::optional<Buffer> key;
    std::optional<Buffer> value;
    Instant since;
    Done done;
  };
  struct Batch {
    std::int32_t sequence = 0;
    std::vector<Item> items;
    bool attempted = false;  // perhaps on the wire
  };
  using Sent = Task<Result<wire::ProduceResponse>>;

  Task<void> run();
  Task<void> session();
  Task<bool> take_answer(Sent& sent);
  Task<void> send_again(std::int64_t producer_id, Buffer bytes, std::int64_t offset);
  Task<bool> new_producer_id();
  void cut_batches();
  Sent post(Batch& batch);
  Sent post(Buffer bytes);
  Millis request_timeout() const;
  Buffer bytes_of(const Batch& batch) const;
  void acknowledge(Batch batch, std::int64_t base_offset);
  void give_up();
  static void report(std::vector<Item> items, client::Outcome outcome, std::int64_t base_offset);

  SimLoop& loop_;
  History& history_;
  const Options options_;
  KafkaClient client_;
  std::deque<Item> queue_;
  std::deque<Batch> in_flight_;
  std::int64_t producer_id_ = -1;
  std::int32_t next_sequence_ = 0;
  std::int64_t next_number_ = 0;
  OneShot<bool>* asleep_ = nullptr;
  bool dead_ = false;
  Gate gate_;
};

}  // namespace sluice::sim
