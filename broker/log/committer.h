#pragma once
// Committer: group commit. Everything staged on the loop while one write syncs joins the next
// write: one WriteBatch, one fsync, however many requests wait for it.
//
// Lives on the loop thread; the write itself runs on `thread`, a one-thread Offload. Small appends
// of one commit to one partition coalesce into one stored value, which removes the per-key cost
// that would otherwise bound small records (docs/decisions/0002). After a failed write nothing is
// staged or acknowledged any more: commit() yields Code::storage until the process restarts.
//
// A full disk passes. Memory is ahead of the disk then, so what did not fit is kept and written
// again by retry(): whoever waited has got an error, but it happens all the same, as after a crash.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "broker/log/compaction.h"
#include "broker/log/key_index.h"
#include "broker/log/keys.h"
#include "broker/log/store.h"
#include "shared/async/gate.h"
#include "shared/async/offload.h"
#include "shared/async/one_shot.h"
#include "shared/async/task.h"
#include "shared/base/clock.h"

namespace sluice::broker {

struct CommitterOptions {
  // Staged bytes at which full() turns true and connections stop reading. Two of these can be in
  // memory: one syncing, one filling.
  std::size_t staged_bytes_max = 64 << 20;
  // Bytes after which a new segment begins. Bounds the memory of recent writes (twice this) and the
  // replay after a crash; smaller ones cost more files.
  std::size_t segment_bytes = 64 << 20;
};

// What the committer did, for metrics; on_write() tells of each.
struct CommitterStats {
  std::uint64_t commits = 0;
  std::uint64_t bytes = 0;
  std::uint64_t requests = 0;  // commit() calls served; requests / commits is the group size
};

// What a commit() waits for.
enum class Durability : unsigned char {
  synced,   // on the disk
  written,  // in the page cache, on its way to the disk: a kill leaves it, a power cut may take it
};

class Committer {
 public:
  Committer(Store& store, Offload& thread, const Clock& clock, CommitterOptions options);
  // REQUIRES: close() has finished.
  ~Committer();

  // Staging: takes part in the next write. Last one wins for a state key. An append goes to
  // segment(), which changes only between two writes. `keys`: how many records' keys go to the key
  // index with it; 0 without one. The commit thread reads them out of the batch: it may have to be
  // decompressed, and there that delays a write, not the loop.
  void append(PartitionId partition, Offset last_offset, ByteView batch, std::uint64_t keys = 0);
  void put(Buffer state_key, Buffer value);
  void erase(Buffer state_key);
  // Forgets a partition's bounds and producers, and what is staged for its log.
  void erase_partition(PartitionId partition);
  // Puts a compacted value in the place of old ones. REQUIRES: the segment is closed.
  void rewrite_log(Segment segment, PartitionId partition, Rewrite rewrite);

  // The key index: entries of records that are in the log already.
  void index_keys(Segment segment, PartitionId partition, std::span<const KeyEntry> entries);
  void forget_keys(Segment segment, PartitionId partition, std::span<const KeyEntry> entries);
  // All entries of a part, with those of what is staged for it.
  void forget_keys(Segment segment, PartitionId partition);

  // Delayed records, by key.
  void put_delayed(Buffer key, Buffer record);
  void erase_delayed(Buffer key);
  // All of a partition, with those that are staged.
  void erase_delayed(PartitionId partition);

  // The segment that appends staged now go to.
  Segment segment() const { return segment_; }
  // At start, before anything is staged.
  void set_segment(Segment segment) { segment_ = segment; }
  // The next write is the last of this segment.
  void roll_segment() { roll_asked_ = true; }

  // Finishes when everything staged before the call is durable, or the write failed. With nothing
  // staged it joins the write under way, so that it costs none. The fsync follows the write at
  // once, whatever is waited for, and the next write follows the fsync.
  Task<Result<void>> commit(Durability durability = Durability::synced);
  // Keeps a task that outlives its request until close().
  void spawn(Task<void> task) { gate_.spawn(std::move(task)); }

  // Back-pressure: room() waits while full().
  bool full() const { return staged_bytes_ >= options_.staged_bytes_max; }
  Task<void> room();

  // Set once a write failed: nothing is taken any more.
  const std::optional<Error>& failure() const { return failure_; }
  // Why appends are refused now; empty when they are taken.
  std::string refusal() const;

  // To be called when the store may take writes again, about once a second: writes what a full disk
  // refused. `caught_up` is told once that is durable, before anything else is staged.
  void retry();
  void on_caught_up(std::function<void()> caught_up) { caught_up_ = std::move(caught_up); }
  const CommitterStats& stats() const { return stats_; }
  // Told after each write, failed ones too: its bytes, and how long it and its fsync took.
  using OnWrite = std::function<void(std::size_t bytes, std::chrono::nanoseconds took)>;
  void on_write(OnWrite told) { on_write_ = std::move(told); }

  // Waits for the writes under way.
  Task<void> close() { return gate_.close(); }

 private:
  // Appends above this size get a value of their own: coalescing pays for small ones only, and a
  // fetch should not read far past what it asked for.
  static constexpr std::size_t kCoalescedBytesMax = 256 << 10;
  // Nor should whoever looks for a key unpack more than about one batch's worth of records.
  static constexpr std::uint64_t kCoalescedKeysMax = kIndexedRecordsMax;

  struct Run {  // consecutive appends to one partition
    Buffer bytes;
    Offset last_offset = 0;
    std::uint64_t keys = 0;
  };

  struct Unwritten {
    WriteBatch batch;
    bool last_of_segment;
  };

  using Waiter = OneShot<Result<void>>;
  // Those who wait for one write.
  struct Waiters {
    std::vector<Waiter*> synced;
    std::vector<Waiter*> written;

    bool empty() const { return synced.empty() && written.empty(); }
    void join(Waiters others);
    std::vector<Waiter*>& of(Durability durability) {
      return durability == Durability::written ? written : synced;
    }
  };

  Task<void> pump();
  Task<void> catch_up();
  Task<Result<void>> write(Unwritten& batch);
  Task<Result<void>> in_one_step(Unwritten& next);
  Task<Result<void>> in_two_steps(Unwritten& next);
  void answer(std::vector<Waiter*>& waiters, const Result<void>& result);
  void answer_all(const Result<void>& result);
  Unwritten take_next();
  bool anything_staged() const;
  WriteBatch take_staged();
  bool ends_segment(std::size_t bytes);
  void seal(PartitionId partition, Run run);
  // What was staged for the part until now goes before what is staged next.
  void seal_staged(Segment segment, PartitionId partition);

  Store& store_;
  Offload& thread_;
  const Clock& clock_;
  CommitterOptions options_;

  std::map<PartitionId, Run> runs_;
  std::map<Buffer, std::optional<Buffer>> states_;
  WriteBatch sealed_;
  std::size_t staged_bytes_ = 0;
  Segment segment_ = 0;
  std::size_t segment_bytes_ = 0;  // written to segment_
  bool roll_asked_ = false;
  Waiters waiters_;  // for what is staged
  Waiters riders_;   // for what is being written
  std::vector<OneShot<bool>*> room_waiters_;
  bool pumping_ = false;
  bool writing_ = false;  // the store has the batch
  std::optional<Error> failure_;
  std::optional<Error> paused_;         // the disk is full
  std::optional<Unwritten> unwritten_;  // what did not fit
  std::function<void()> caught_up_;
  CommitterStats stats_;
  OnWrite on_write_;
  Gate gate_;
};

}  // namespace sluice::broker
