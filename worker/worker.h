#pragma once
// Worker: pulls the partitions that its group gives it, asks each one's OrderMachine what the
// records mean, has the store write it in one transaction a batch, and relays the outbox.
//
// The database says where to go on, and what the records before have come to; the offsets committed
// to the group are only a hint for lag. With a database of a version that did not keep it, records
// that it has already are folded once more without being written. Whatever goes wrong, nothing is
// skipped: a failed transaction is repeated, and after anything else the worker leaves the group
// and joins it again.
//
// Runs on the thread that calls run(). stop() and status() may be called from any thread.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/client/consumer.h"
#include "shared/client/producer.h"
#include "worker/drain.h"
#include "worker/options.h"
#include "worker/order_machine.h"
#include "worker/order_pace.h"
#include "worker/order_store.h"
#include "worker/outbox_relay.h"
#include "worker/payment_watch.h"
#include "worker/webhook_sender.h"
#include "worker/worker_metrics.h"

namespace sluice::worker {

// Whether orders are being placed, and if not, why.
struct Status {
  bool working = false;
  std::string why_not = "starting";
  std::int64_t partitions = 0;
  Drain drain;
};

class Worker {
 public:
  // REQUIRES: the references and `webhook` outlive it; nobody else uses the store. `webhook`: null
  // when there is none.
  Worker(const Options& options, OrderStore& store, const Clock& clock, WorkerMetrics& metrics,
         WebhookSender* webhook = nullptr);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  // Returns after stop(), within some seconds: the transaction in flight is finished, what is on
  // its way to the log is waited for briefly, the group is left.
  void run();
  void stop();
  Status status() const;

  // 0: no limit. Any thread.
  std::int64_t max_orders_per_second() const { return max_orders_per_second_; }
  void set_max_orders_per_second(std::int64_t orders) { max_orders_per_second_ = orders; }

 private:
  static constexpr Millis kServerTimeout{2'000};  // for one question to the server

  // A partition that this worker owns.
  struct Owned {
    OrderMachine machine;
    Claim claim;
    std::int64_t end = 0;  // of the partition when it was claimed
    PaymentWatch payments;
    // It folds what the database has already, and knows the orders itself.
    bool folds_again() const { return machine.next_offset() < claim.next_offset; }
    // Everything that was there is folded: what was paid before is known.
    bool read_to_end() const {
      return machine.start() == machine.next_offset() && machine.next_offset() >= end;
    }
  };
  // A batch's records of the partitions that are owned, by partition and offset.
  using Stretches = std::map<std::int32_t, std::vector<LogRecord>>;

  Result<void> session();
  Result<void> open_clients();
  void close_clients();
  Result<void> make_dead_letter_topic();

  // worker_partitions.cc
  Result<std::vector<client::TopicPartition>> take_over(
      std::vector<client::TopicPartition> assigned);
  Result<std::int64_t> take_over(std::int32_t partition);
  Result<OrderMachine> machine_of(std::int32_t partition, const Claim& claim);
  void give_up(const std::vector<client::TopicPartition>& revoked);
  Result<void> confirm_claims();
  void tell_held();

  Result<void> turn();
  bool folds_again() const;
  std::size_t records_to_take();
  Result<Stretches> sort(const client::Batch& batch);
  Result<void> recall_orders(const Stretches& stretches);
  std::vector<PartitionWork> understand(const Stretches& stretches);
  Result<void> write(std::vector<PartitionWork> works);
  Result<void> commit(const std::vector<PartitionWork>& works);
  Result<void> until_done(const std::function<Result<void>()>& attempt);
  void after_commit(std::vector<PartitionWork> works);
  Result<void> forget_sent(std::vector<OutboxKey> sent);
  void relay();
  Millis until_expiry() const;
  Result<void> expire();
  Result<void> expire(std::int32_t partition, PaymentWatch& payments);
  bool call_off(std::int32_t partition, const Unpaid& order);
  void measure_lag();

  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
  void pause_for(Millis duration);  // or until stop()
  void working();
  void not_working(std::string why);

  const Options options_;
  const client::Settings settings_;
  OrderStore& store_;
  const Clock& clock_;
  WorkerMetrics& metrics_;
  WebhookSender* const webhook_;
  std::unique_ptr<client::Producer> producer_;
  std::unique_ptr<OutboxRelay> relay_;
  std::unique_ptr<client::Consumer> consumer_;
  std::map<std::int32_t, Owned> owned_;
  std::set<std::int32_t> just_taken_;  // in the poll that runs or has just returned
  bool joined_ = false;                // the group has told what is ours, be it nothing
  std::optional<Error> not_taken_;     // why what the group has given could not be taken over
  std::uint64_t counted_sent_ = 0;
  std::uint64_t counted_failed_sends_ = 0;
  Instant measure_lag_at_;
  Instant confirm_claims_at_;
  OrderPace pace_;
  std::uint64_t written_ = 0;  // records, ever

  std::atomic<std::int64_t> max_orders_per_second_;

  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::condition_variable stopped_;
  Status status_;  // guarded by mutex_
};

}  // namespace sluice::worker
