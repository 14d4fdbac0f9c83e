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
//                        is a reserve whose order and sale can be read. A reserve of that order
//                        which can be read takes the row's place
//   anything else        only the offset moves
//
// With Webhook::on, each row that is made or changed is also a delivery (worker/webhook_event.h).
//
// The orders are in the table (docs/decisions/0023). Those that a stretch of records names are
// recalled from there, by order_to_recall() and recall(), before it is applied, and forgotten after
// it: memory is that of the partition's sales and of one stretch.
//
// One thread.

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/client/consumer.h"
#include "shared/ledger/event.h"
#include "shared/ledger/fold.h"
#include "shared/ledger/fold_snapshot.h"
#include "worker/order_store.h"

namespace sluice::worker {

// A record as it was read, and what it says. The views are into the batch that it came with.
struct LogRecord {
  LogRecord(std::int64_t offset, std::optional<ByteView> key, std::optional<ByteView> value,
            std::span<const client::HeaderView> headers = {});

  std::int64_t offset;
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  std::span<const client::HeaderView> headers;
  Result<ledger::Event> event;
};

// Key, value and headers of a record that its dead letter holds; one that has more would not pass
// the usual limit of a topic (max.message.bytes, 1 MiB), and its letter would never leave.
inline constexpr std::size_t kMaxLetterCopyBytes = 900'000;

// Whether a shop's own system is told of orders.
enum class Webhook : unsigned char { off, on };

class OrderMachine {
 public:
  // Reads the log from its beginning.
  OrderMachine(std::string topic, std::int32_t partition, Webhook webhook = Webhook::off);
  // Goes on where `stored` ends. Error: corrupt (it cannot be read).
  static Result<OrderMachine> resume(std::string topic, std::int32_t partition, Webhook webhook,
                                     const StoredFold& stored);

  // Where to begin reading: with the last record that `stored` knows, to see that it is still the
  // same (goes_on()); it changes nothing.
  std::int64_t start() const { return log_.start(); }
  // To be asked of each record that is read. False: this is not the log that `stored` is of.
  bool goes_on(const LogRecord& record);

  // Of the order that the record names and whose row, if there is one, has to be recalled before
  // the record is applied.
  std::optional<std::string> order_to_recall(const LogRecord& record) const;
  // As it is before the records that are to come. A row of another partition is none of ours.
  // Error: corrupt (the row has a state or holds units of a sale that is not known).
  Result<void> recall(const OrderRow& row);

  // Appends to `work` what the record asks for and moves its next_offset. A record before
  // next_offset() changes nothing.
  void apply(const LogRecord& record, WallTime now, PartitionWork& work);
  // After the last record of a stretch: what the partition has come to. Its orders are forgotten;
  // REQUIRES: `work` is written before the next stretch's are recalled.
  void finish(PartitionWork& work);

  // Orders that are placed and have a deadline; in a fold from the log's beginning also those that
  // are reserved.
  std::int64_t unpaid() const;

  // Orders that got their row and whose answer, `placed` or `rejected`, was not read back: each is
  // on the log behind next_offset(), or still in the outbox. About: an answer that was sent twice
  // counts twice.
  std::int64_t unanswered() const { return unanswered_; }

  // The offset to read next.
  std::int64_t next_offset() const { return fold().next_offset(); }
  const ledger::Fold& fold() const { return log_.fold; }

 private:
  void apply_event(const LogRecord& record, WallTime now, PartitionWork& work);
  void apply_reserve(const ledger::Reserve& reserve, const ledger::Change& change,
                     std::int64_t offset, WallTime now, PartitionWork& work);
  void apply_change(const LogRecord& record, const ledger::Change& change, WallTime now,
                    PartitionWork& work);
  void place(OrderRow row, PartitionWork& work) const;
  OrderChange row_change(const std::string& id) const;
  void apply_unreadable(const LogRecord& record, WallTime now, PartitionWork& work);
  // What the outbox has for a row: counts in unanswered().
  OutboxRow answer(std::int64_t offset, const ledger::Event& event);
  OutboxRow dead_letter(const LogRecord& record) const;

  std::string topic_;
  std::int32_t partition_;
  Webhook webhook_;
  ledger::FoldedLog log_;
  std::int64_t unanswered_ = 0;
  bool sales_stored_ = false;  // those that did not change
  // Since finish():
  std::set<ledger::PackedOrderId> malformed_;  // orders of unreadable reserves that have a row
  std::set<std::string, std::less<>> changed_sales_;
};

}  // namespace sluice::worker
