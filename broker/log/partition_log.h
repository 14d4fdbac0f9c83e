#pragma once
// PartitionLog: one partition. Assigns offsets, checks producer sequences, stages the append, and
// reads back what is durable.
//
// Lives on the loop thread; reads of the store run on the reader Offload. Held by shared_ptr so
// that a fetch or an append in flight survives the topic's deletion; after close() appends are
// refused.
//
// Invariants: 1. offsets are dense from log_start to end. 2. high_watermark <= end; what lies
// between is staged, not yet durable, and invisible. 3. after a failed commit the partition takes
// no appends.

#include <cstddef>
#include <functional>
#include <memory>

#include "broker/log/committer.h"
#include "broker/log/keys.h"
#include "broker/log/store.h"
#include "broker/producers/sequence_check.h"
#include "shared/async/offload.h"
#include "shared/base/clock.h"
#include "shared/wire/error_code.h"
#include "shared/wire/record_batch.h"

namespace sluice::broker {

// What every partition works with; outlives them.
struct LogContext {
  Store& store;
  Offload& readers;
  Committer& committer;
  // Told on the loop when a partition has more to read: wakes parked fetches.
  std::function<void(PartitionId, std::size_t bytes)> appended;
};

class PartitionLog : public std::enable_shared_from_this<PartitionLog> {
 public:
  // Empty. recover() fills in what the store holds.
  PartitionLog(LogContext& context, PartitionId id);
  PartitionLog(const PartitionLog&) = delete;
  PartitionLog& operator=(const PartitionLog&) = delete;

  // At start, before any other call: the stored bounds and producers, checked against the log
  // itself.
  Result<void> recover();
  // Stages the stored bounds: a new partition becomes durable with its topic's commit.
  void stage_bounds();

  struct Appended {
    wire::ErrorCode error = wire::ErrorCode::none;
    Offset base_offset = -1;
    Offset log_start = -1;
  };
  // Takes one validated batch into the next commit. A retry of a recent batch by an idempotent
  // producer stands for the first one (KIP-98).
  // REQUIRES: `batch` passed wire's validation; its bytes are patched in place.
  struct Staged {
    Appended answer;     // once it is durable
    Offset visible = 0;  // the high watermark then
    std::size_t bytes = 0;
  };
  Staged stage(Buffer batch, WallTime now);
  // Finishes when it is durable. Whoever has several to append stages them all before the first
  // commit(), so that one write carries them.
  Task<Appended> commit(Staged staged);
  Task<Appended> append(Buffer batch, WallTime now) { return commit(stage(std::move(batch), now)); }

  struct ReadLimits {
    std::size_t bytes_max;
    bool at_least_one_batch;  // even when it is larger than bytes_max (KIP-74)
  };
  // Whole batches from the one that holds `from`. Empty at the high watermark.
  // REQUIRES: log_start() <= from <= high_watermark().
  Task<Result<Buffer>> read(Offset from, ReadLimits limits);

  // First offset whose record timestamp is >= `timestamp`; -1 when there is none (ListOffsets).
  struct TimestampedOffset {
    Offset offset = -1;
    std::int64_t timestamp = -1;
  };
  Task<Result<TimestampedOffset>> find_timestamp(std::int64_t timestamp);
  // The record with the largest timestamp (ListOffsets -3, KIP-734).
  Task<Result<TimestampedOffset>> find_max_timestamp();

  // Forgets producers that were idle for a day (producer.id.expiration.ms) and stages that.
  void expire_producers(WallTime now);

  void close() { closed_ = true; }
  bool closed() const { return closed_; }

  PartitionId id() const { return id_; }
  Offset log_start() const { return log_start_; }
  Offset end() const { return end_; }
  Offset high_watermark() const { return high_watermark_; }

 private:
  Result<void> recover_producers();
  Result<void> check_end() const;
  void stage_producer(const BatchIdentity& identity, Offset base, WallTime now);
  void advance(Offset visible, std::size_t bytes);

  LogContext& context_;
  const PartitionId id_;
  Offset log_start_ = 0;
  Offset end_ = 0;
  Offset high_watermark_ = 0;
  bool closed_ = false;
  SequenceCheck producers_;
};

}  // namespace sluice::broker
