#pragma once
// PartitionLog: one partition. Assigns offsets, checks producer sequences, stages the append, and
// reads back what is durable, from the tail cache or from the store.
//
// Lives on the loop thread; reads of the store run on the reader Offload. Held by shared_ptr so
// that a fetch or an append in flight survives the topic's deletion; after close() appends are
// refused.
//
// Invariants: 1. appends take dense offsets from log_start to end; only compaction takes records
// from between, never the last one. 2. log_start <= high_watermark <= end; what lies between
// high_watermark and end is staged, not yet durable, and invisible. 3. after a failed commit the
// partition takes no appends. 4. parts_ are in order and touch: each ends where the next begins;
// the first holds log_start. A part that compaction emptied is its neighbour's.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "broker/delay/delay_split.h"
#include "broker/log/committer.h"
#include "broker/log/compaction.h"
#include "broker/log/delay_reader.h"
#include "broker/log/key_finder.h"
#include "broker/log/key_index.h"
#include "broker/log/keys.h"
#include "broker/log/log_context.h"
#include "broker/log/log_reader.h"
#include "broker/log/partition_delays.h"
#include "broker/producers/sequence_check.h"
#include "shared/base/clock.h"
#include "shared/base/shared_bytes.h"
#include "shared/wire/error_code.h"
#include "shared/wire/record_batch.h"

namespace sluice::broker {

// How long a topic keeps records; nothing: for ever. The unit is a part, that is whole segments.
struct Retention {
  std::optional<std::int64_t> ms;     // by the newest record's timestamp
  std::optional<std::int64_t> bytes;  // of the partition
};

class PartitionLog : public std::enable_shared_from_this<PartitionLog> {
 public:
  PartitionLog(LogContext& context, PartitionId id);  // empty until it is restored
  PartitionLog(const PartitionLog&) = delete;
  PartitionLog& operator=(const PartitionLog&) = delete;

  // At start, before any other call, and in this order: the stored start, the parts by segment, the
  // producers.
  Result<void> restore_start(ByteView value);
  Result<void> restore_part(Segment segment, ByteView value);
  Result<void> restore_cleaned(ByteView value);
  Result<void> restore_indexed(ByteView value);
  Result<void> restore_producer(std::int64_t producer_id, ByteView value);
  Result<void> restore_delayed(ByteView value) { return delays_.restore(value); }
  // The end that was acknowledged against the end of what is there.
  Result<void> check_end() const;
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
    Appended answer;                            // once it is durable
    Offset end = 0;                             // the high watermark then
    SharedSlice batch;                          // as it is stored; empty for a repeated batch
    std::optional<DelayPosition> delayed_from;  // the first record that waits
  };
  Staged stage(Buffer batch, WallTime now);
  // The same for a batch of which some or all is delayed: `split` is what became of `sent`. Its
  // answer has no base offset, because a client would count from it (docs/decisions/0014).
  // REQUIRES: split.delayed is not empty.
  Staged stage_split(ByteView sent, DelaySplit split, WallTime now);
  // Delayed records that are due: they are appended as they are taken away. Nothing: they stay
  // where they are, appends are refused.
  std::optional<Staged> stage_due(DueRecords due, WallTime now);
  // Finishes when it is durable, which is when readers see it. Whoever has several to append stages
  // them all before the first commit(), so that one write carries them. With `flush_messages` (of
  // the topic) above 1 it finishes when it is written, unless so many records of the partition are
  // not durable yet.
  Task<Appended> commit(Staged staged, std::int64_t flush_messages = 1);
  Task<Appended> append(Buffer batch, WallTime now) { return commit(stage(std::move(batch), now)); }

  // Everything that was staged is durable, answered or not (Committer::on_caught_up).
  void catch_up();

  // Whole batches from the one that holds `from`, or the next one. Empty at the high watermark;
  // Code::out_of_range when the records were forgotten while they were read.
  // REQUIRES: log_start() <= from <= high_watermark().
  Task<Result<SharedBytes>> read(Offset from, ReadLimits limits);

  // The records with a key; see KeyFinder. Code::closed: the partition was deleted.
  Task<Result<FoundRecords>> find(FindRequest request);

  // For ListOffsets; see LogReader.
  Task<Result<TimestampedOffset>> find_timestamp(std::int64_t timestamp);
  Task<Result<TimestampedOffset>> find_max_timestamp();

  // Forgets the records before `offset` (DeleteRecords, KIP-107) and stages that.
  // REQUIRES: log_start() <= offset <= high_watermark().
  void trim(Offset offset);
  // Forgets the parts that retention does not cover. False: it would like to forget records of the
  // open segment, which has to be rolled first.
  bool retain(const Retention& retention, WallTime now);
  // Forgets everything, for the topic's deletion, and stages that; appends are refused from now on.
  void erase();

  // Compaction, see broker/log/cleaner.h. What it may look at: the closed parts whose records are
  // all durable and older than the lag.
  struct Cleanable {
    std::vector<Part> parts;
    Offset end = 0;     // of the last of them
    Offset dirty = 0;   // where what was never compacted begins
    Offset newest = 0;  // the log's last record
    std::uint64_t dirty_bytes = 0;
    std::uint64_t bytes = 0;
    bool worth_it = false;  // dirty enough, or a tombstone is due
  };
  Cleanable cleanable(const CompactionRules& rules, WallTime now) const;
  // True: the open segment holds records of it that are old enough to be closed for compaction.
  bool wants_roll(const CompactionRules& rules, WallTime now) const;
  // Stages new values in the place of old ones of a part, and `dropped` entries. False: it is gone.
  // Code::corrupt: the old ones are more than the part ever held; nothing is staged.
  Result<bool> rewrite(Segment segment, std::vector<Rewrite> rewrites,
                       std::span<const KeyEntry> dropped = {});
  // All of a part was looked at: `max_timestamp` is its newest record's; nothing: none is left.
  void finish_part(Segment segment, std::optional<std::int64_t> max_timestamp);
  // Stages that everything before `end` is compacted, and when the next tombstone is due.
  void set_cleaned(Offset end, std::int64_t next_horizon_ms);

  // Stages that there is a key index, of what is appended from now on (KeyIndexer adds the rest);
  // or that there is none.
  void set_key_index(bool on);
  bool has_key_index() const { return indexed_from_.has_value(); }
  // Changes whenever what the index held is gone.
  std::uint64_t key_index_epoch() const { return index_epoch_; }
  std::optional<Unindexed> unindexed() const;  // the newest
  // Stages entries of a part. False: the part is gone.
  bool index_keys(Segment segment, std::span<const KeyEntry> entries);
  // Stages that the index covers the part and what follows, for set_indexed() once it is durable.
  Offset stage_indexed(Segment segment);
  void set_indexed(Offset from) { indexed_from_ = from; }

  // Forgets producers that were idle for a day (producer.id.expiration.ms) and stages that.
  void expire_producers(WallTime now);

  PartitionDelays& delays() { return delays_; }
  PartitionId id() const { return id_; }
  bool closed() const { return closed_; }
  Offset log_start() const { return log_start_; }
  Offset end() const { return end_; }
  Offset high_watermark() const { return high_watermark_; }
  // Of the records that are kept, as they are stored.
  std::uint64_t bytes() const;
  Segment last_segment() const { return parts_.empty() ? 0 : parts_.back().segment; }

 private:
  void stage_part(const Part& part);
  void stage_indexed_from(Offset from);
  std::optional<Appended> refusal() const;
  std::optional<Appended> judge(const BatchIdentity& sent) const;
  Staged stage_append(Buffer bytes, WallTime now);
  void remember(const BatchIdentity& sent, Offset base, WallTime now);
  void drop_first_part();
  std::vector<Part>::iterator find_part(Segment segment);
  // To readers, once it is durable.
  Task<Result<void>> show(Staged staged);
  Task<void> show_later(Staged staged);
  void advance(Offset visible, std::size_t bytes);
  LogReader reader() const;
  std::unexpected<Error> unreadable(const Error& error) const;

  LogContext& context_;
  const PartitionId id_;
  Offset log_start_ = 0;
  Offset end_ = 0;
  Offset high_watermark_ = 0;
  bool closed_ = false;
  std::vector<Part> parts_;
  std::int64_t opened_ms_ = 0;  // when the newest part began, if it did since the start
  Offset cleaned_ = 0;          // compaction has seen what is before it
  std::int64_t next_horizon_ms_ = kNoHorizon;
  bool ever_cleaned_ = false;           // the store has a cleaned key
  std::optional<Offset> indexed_from_;  // durably; nothing: there is no index
  std::uint64_t index_epoch_ = 0;
  SequenceCheck producers_;
  PartitionDelays delays_;
};

}  // namespace sluice::broker
