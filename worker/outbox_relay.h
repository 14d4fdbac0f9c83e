#pragma once
// OutboxRelay: brings outbox rows to the log, again and again until they are acknowledged. A row
// may arrive twice (its acknowledgement was lost); the ledger's fold counts an outcome once.
//
// One thread, the worker's, except for the acknowledgements, which come from the sender's thread.

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/client/producer.h"
#include "worker/order_store.h"

namespace sluice::worker {

class OutboxRelay {
 public:
  // How a row leaves; `done` is called once, on any thread, unless an error is returned.
  using Send = std::function<Result<void>(client::ProduceRecord, client::Producer::Done done)>;

  // Rows beyond this are not sent yet: the worker stops taking orders until the log answers again.
  // 20,000 rows are some 10 MB and a second of work.
  static constexpr std::size_t kWaitingMax = 20'000;
  // After a send without an acknowledgement.
  static constexpr Millis kRetryAfter{500};

  explicit OutboxRelay(Send send);
  OutboxRelay(const OutboxRelay&) = delete;
  OutboxRelay& operator=(const OutboxRelay&) = delete;

  // Takes rows that are in the store. One that is already here is not taken twice.
  void add(std::vector<OutboxRow> rows);

  // Sends what is due. Rows go out in the order they were added, repeated ones later.
  void pump(Instant now);

  // Rows acknowledged since the last call.
  std::vector<OutboxKey> take_sent();
  std::size_t sent_count() const { return sent_.size(); }

  // Forgets the partition's rows: another worker sends them now.
  void drop(std::int32_t partition);

  // Rows that are not acknowledged.
  std::size_t waiting() const { return rows_.size(); }
  bool full() const { return waiting() >= kWaitingMax; }
  // Rows that were acknowledged, ever.
  std::uint64_t sent_total() const { return sent_total_; }
  // Sends that were refused or brought no acknowledgement.
  std::uint64_t failed_sends() const { return failed_sends_; }

  // Returns when an answer has come, or after the timeout.
  void wait_for_answer(Millis timeout);

 private:
  struct Answers {
    std::mutex mutex;
    std::condition_variable came;
    std::vector<std::pair<OutboxKey, bool>> list;  // guarded by mutex; true: persisted
  };
  struct Due {
    OutboxKey key;
    Instant at;
  };

  void take_answers(Instant now);
  // False: the sender takes nothing now; pump() tries again later. A row that it does not take for
  // a reason of its own is repeated and holds up no other.
  bool send(const OutboxKey& key, Instant now);

  Send send_;
  std::map<OutboxKey, OutboxRow> rows_;
  std::deque<OutboxKey> fresh_;  // never sent, in the order of add()
  std::deque<Due> repeats_;      // to be sent again, earliest first
  Instant resume_at_;            // nothing is sent before: the sender took nothing
  std::vector<OutboxKey> sent_;
  std::uint64_t sent_total_ = 0;
  std::uint64_t failed_sends_ = 0;
  std::shared_ptr<Answers> answers_;  // shared with callbacks that may come after this is gone
};

}  // namespace sluice::worker
