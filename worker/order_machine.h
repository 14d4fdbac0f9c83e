#pragma once
// OrderMachine: what the records of one partition mean for the orders table. Pure: it folds the log
// with the same ledger::Fold as the frontend, and says what to write; it writes nothing.
//
//   valid reserve        a placed row, and `placed` to the log
//   void reserve         a rejected row with the reason, and `rejected` to the log
//   reserve seen before  nothing
//   paid, cancelled, …   the row's new state, when the fold says that it changed: the log's order
//                        decides which of two comes first
//   paid too late        the reason refund_due in the row
//   unreadable record    a dead letter with the record and the error, or with the error alone when
//                        the record is too large; and a rejected row with its `rejected`, when it
//                        is a reserve whose order and sale can be read
//   anything else        only the offset moves
//   no payment in time   `expired` to the log, from which it comes back as the row's new state
//
// With Webhook::on, each row that is made or changed is also a delivery (worker/webhook_event.h).
//
// One thread. Memory: as ledger::Fold, plus 16 bytes per order of an unreadable reserve, plus
// PaymentDeadlines.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/client/consumer.h"
#include "shared/ledger/fold.h"
#include "shared/ledger/fold_snapshot.h"
#include "shared/ledger/payment_deadlines.h"
#include "worker/order_store.h"

namespace sluice::worker {

struct LogRecord {
  std::int64_t offset = 0;
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  std::span<const client::HeaderView> headers = {};
};

// Key, value and headers of a record that its dead letter holds; one that has more would not pass
// the usual limit of a topic (max.message.bytes, 1 MiB), and its letter would never leave.
inline constexpr std::size_t kMaxLetterCopyBytes = 900'000;

// Whether a shop's own system is told of orders.
enum class Webhook : unsigned char { off, on };

class OrderMachine {
 public:
  // Goes on where `log` ends.
  OrderMachine(std::string topic, std::int32_t partition, Webhook webhook = Webhook::off,
               ledger::FoldedLog log = {});

  // Appends to `work` what the record asks for and moves its next_offset. A record before
  // next_offset() changes nothing.
  void apply(const LogRecord& record, WallTime now, PartitionWork& work);

  // What to append for orders that were not paid in time, up to `most`. The log's order decides
  // between that and a payment, so it may be said by anybody, twice, or of an order that was paid
  // behind next_offset().
  std::vector<ledger::Expired> overdue(WallTime now, std::size_t most) {
    return deadlines_.take_overdue(now, most, fold());
  }

  // Deadlines that are to come, see PaymentDeadlines::size().
  std::size_t deadlines() const { return deadlines_.size(); }

  // Orders that got their row and whose answer, `placed` or `rejected`, was not read back: each is
  // on the log behind next_offset(), or still in the outbox. About: an answer that was sent twice
  // counts twice, and of what came with the constructor's log only orders that hold units count.
  std::int64_t unanswered() const { return unanswered_; }

  // The offset to read next.
  std::int64_t next_offset() const { return fold().next_offset(); }
  const ledger::Fold& fold() const { return log_.fold; }
  const ledger::FoldedLog& log() const { return log_; }
  // See FoldedLog.
  bool goes_on(const ledger::Seam& read) { return log_.goes_on(read); }

 private:
  void apply_event(const LogRecord& record, const ledger::Event& event, WallTime now,
                   PartitionWork& work);
  void apply_reserve(const ledger::Reserve& reserve, const ledger::Change& change,
                     std::int64_t offset, WallTime now, PartitionWork& work);
  void apply_change(const LogRecord& record, const ledger::Event& event,
                    const ledger::Change& change, WallTime now, PartitionWork& work);
  void place(OrderRow row, PartitionWork& work) const;
  OrderChange row_change(const std::string& id) const;
  void apply_unreadable(const LogRecord& record, const Error& error, WallTime now,
                        PartitionWork& work);
  // What the outbox has for a row: counts in unanswered().
  OutboxRow answer(std::int64_t offset, const ledger::Event& event);
  OutboxRow dead_letter(const LogRecord& record, const Error& error) const;

  std::string topic_;
  std::int32_t partition_;
  Webhook webhook_;
  ledger::FoldedLog log_;  // its `refused`: unreadable reserves that have a rejected row
  ledger::PaymentDeadlines deadlines_;
  std::int64_t unanswered_ = 0;
};

}  // namespace sluice::worker
