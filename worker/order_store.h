#pragma once
// OrderStore: the orders table with what must change in the same transaction: the next offset of
// each log partition and the outbox of records to be sent. An interface, so that a simulation can
// put a store of its own in place of a database.
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

// What a stretch of one partition's records changes.
struct PartitionWork {
  std::int32_t partition = 0;
  Claim claim;                   // next_offset: where the stretch begins
  std::int64_t next_offset = 0;  // where it ends
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
