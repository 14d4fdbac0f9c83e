#pragma once
// OrderStore: the orders table with what must change in the same transaction: the next offset of
// each log partition, what the records before it have come to, and the outbox of records to be
// sent. An interface, so that a simulation can put a store of its own in place of a database.
//
// The log is the truth and the table a fold of it, so every write is safe to repeat: rows by
// primary key, offsets by compare-and-set, outbox rows by the position of the record that caused
// them.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/client/settings.h"
#include "shared/ledger/fold.h"
#include "shared/orders/delivery.h"
#include "shared/orders/order_row.h"

namespace sluice::worker {

using orders::OrderRow;

// A later fact about an order that has its row.
struct OrderChange {
  std::string order_id;
  ledger::OrderState state = ledger::OrderState::placed;
  std::string reason;

  friend bool operator==(const OrderChange&, const OrderChange&) = default;
};

// What an outbox row is known by: the log position that caused it, and which of its records.
struct OutboxKey {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int32_t part = 0;  // 0: the outcome, 1: the dead letter

  friend auto operator<=>(const OutboxKey&, const OutboxKey&) = default;
};

// A record to be sent, kept until the server has acknowledged it.
struct OutboxRow {
  OutboxKey id;
  std::string topic;
  std::int32_t partition = -1;  // -1: any
  std::optional<Buffer> key;
  std::optional<Buffer> value;
  std::vector<client::Header> headers;

  friend bool operator==(const OutboxRow&, const OutboxRow&) = default;
};

// What is known of a partition when it is taken over.
struct Claim {
  std::int64_t next_offset = 0;  // everything before it is in the table
  std::int64_t fence = 0;        // this owner's number; an older owner's commits are refused

  friend bool operator==(const Claim&, const Claim&) = default;
};

// What the records of a partition have come to, but for the orders: they are in the table.
struct FoldRow {
  std::string epoch;              // the one that owns the partition, as its event's JSON; or empty
  std::uint64_t last_record = 0;  // the digest of the one before the next offset (ledger::Seam)
  std::int64_t unanswered = 0;    // see OrderMachine

  friend bool operator==(const FoldRow&, const FoldRow&) = default;
};

struct SaleRow {
  std::string sale;
  std::string state;  // shared/ledger/sale_state_json.h

  friend bool operator==(const SaleRow&, const SaleRow&) = default;
};

struct StoredFold {
  std::int64_t next_offset = 0;
  FoldRow fold;
  std::vector<SaleRow> sales;

  friend bool operator==(const StoredFold&, const StoredFold&) = default;
};

// A placed order with a deadline.
struct Unpaid {
  std::string order_id;
  std::string sale;
  std::int64_t deadline = 0;  // Unix ms

  friend bool operator==(const Unpaid&, const Unpaid&) = default;
};

// What a stretch of one partition's records changes.
struct PartitionWork {
  std::int32_t partition = 0;
  Claim claim;                        // next_offset: where the stretch begins
  std::int64_t next_offset = 0;       // where it ends
  FoldRow fold;                       // as of next_offset
  std::vector<SaleRow> sales;         // that are not what they were
  bool all_sales = false;             // `sales` is all there is: rows of others go
  std::vector<std::string> replaced;  // orders whose rows give way to those in `orders`
  std::vector<OrderRow> orders;
  std::vector<OrderChange> changes;
  std::vector<OutboxRow> outbox;
  std::vector<OutboxKey> sent;               // acknowledged since: their rows go away
  std::vector<orders::Delivery> deliveries;  // what the shop's system is told of it
};

// One thread at a time. Errors: fenced (another owner has the partition; nothing was written), and
// unavailable for everything a later attempt may cure.
class OrderStore {
 public:
  virtual ~OrderStore() = default;

  // Takes the partition over from whoever had it.
  virtual Result<Claim> claim(std::int32_t partition) = 0;

  // Nothing: no stretch was committed, or by a version that did not keep it.
  virtual Result<std::optional<StoredFold>> fold(std::int32_t partition) = 0;

  // The rows of those that have one, in no order. REQUIRES: ids are well-formed (order_id.h).
  virtual Result<std::vector<OrderRow>> find(std::span<const std::string> ids) = 0;

  // Those of the partition that are due first, up to `most`, by deadline.
  virtual Result<std::vector<Unpaid>> unpaid(std::int32_t partition, std::size_t most) = 0;

  // Whether all claims stand, by partition. Fenced: one has another owner, or the database is an
  // older one, restored or of a server that took over without the last transactions.
  virtual Result<void> confirm(const std::map<std::int32_t, Claim>& claims) = 0;

  // All of it in one durable transaction, or nothing.
  virtual Result<void> commit(std::span<const PartitionWork> works) = 0;

  // The partition's outbox in log order.
  virtual Result<std::vector<OutboxRow>> outbox(std::int32_t partition) = 0;

  // Outbox rows that were sent go away.
  virtual Result<void> forget(std::span<const OutboxKey> sent) = 0;
};

}  // namespace sluice::worker
