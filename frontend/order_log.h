#pragma once
// OrderLog: writes to the ledger's topic. Every reserve, and every record about a sale, carries the
// epoch under which this frontend owns its partition; a new epoch or sale record and the reserves
// around it keep their order in the log, because all are handed to the one idempotent producer
// under a lock of the partition. Any thread.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <string>
#include <utility>
#include <vector>

#include "shared/base/result.h"
#include "shared/client/producer.h"
#include "shared/ledger/event.h"

namespace sluice::frontend {

class OrderLog {
 public:
  using Done = client::Producer::Done;

  // `writer`: a random id of this process, written into its epochs.
  OrderLog(std::unique_ptr<client::Producer> producer, std::string writer)
      : writer_(std::move(writer)), producer_(std::move(producer)) {}

  // Once, when the topic is known to exist, before anything is appended.
  void set_partition_count(std::int32_t count);
  // A hint that spares the first record a wait.
  void look_up_topic();
  std::int32_t partition_count() const { return static_cast<std::int32_t>(epochs_.size()); }
  const std::string& writer() const { return writer_; }
  // False while no server can be reached: a reserve would only wait.
  bool reachable() const { return producer_->reachable(); }
  // True while as many orders are on their way as may be: one more would be refused.
  bool full() const { return producer_->full(); }
  std::optional<Error> fatal() const { return producer_->fatal(); }

  // Sends the record under the partition's current epoch. `prepare` gets it with the epoch filled
  // in before anything is sent, so that the caller has it on record first; false: it is not to be
  // sent after all (Code::closed). An error: nothing was sent and `done` is never called. A record
  // that is on the log while its epoch may not be, so that it may be void, is reported as possibly
  // persisted: reading the log tells.
  using PrepareReserve = std::function<bool(const ledger::Reserve&)>;
  Result<void> append(ledger::Reserve reserve, std::int32_t partition,
                      const PrepareReserve& prepare, Done done);
  // Behind every reserve that was prepared before it, and before every later one.
  using PrepareSale = std::function<void(const ledger::Sale&)>;
  Result<void> append(ledger::Sale sale, std::int32_t partition, const PrepareSale& prepare,
                      Done done);
  // Sends what became of an order. It counts by its place on the log, under any epoch.
  Result<void> append(const ledger::Event& outcome, std::int32_t partition, Done done);
  // Sends an epoch record; reserves appended after it carry it.
  Result<void> begin_epoch(std::int32_t partition, std::int64_t epoch, Done done);
  // The epoch record was read back, whatever its report said.
  void confirm_epoch(std::int32_t partition, std::int64_t epoch);

  Result<void> flush(Millis timeout) { return producer_->flush(timeout); }
  std::size_t outstanding() const { return producer_->outstanding(); }

 private:
  struct PartitionEpoch {
    std::shared_mutex mutex;               // shared: reserves; exclusive: epochs and sales
    std::int64_t epoch = 0;                // guarded by mutex
    std::atomic<std::int64_t> durable{0};  // the newest known to be on the log

    void raise(std::int64_t to);
  };

  static Done judged(PartitionEpoch& owner, Done done);
  client::ProduceRecord record(const ledger::Event& event, std::int32_t partition) const;

  const std::string writer_;
  std::vector<std::unique_ptr<PartitionEpoch>> epochs_;
  std::unique_ptr<client::Producer> producer_;  // goes first: its reports use the epochs
};

}  // namespace sluice::frontend
