#pragma once
// KeyIndexer: fills the key index of a partition that had records when it was switched on. A part
// at a time, the newest first, because that is where people look; it reads on the maintenance
// Offload, step by step, and each step's entries go through the committer. The stored mark moves
// with the last step of a part, so a kill costs the work on one part.
//
// Lives on the loop thread. Not beside the Cleaner on the same partition: what it has read must
// still be there when its entries are staged.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "broker/log/partition_log.h"
#include "shared/async/offload.h"
#include "shared/async/task.h"

namespace sluice::broker {

class KeyIndexer {
 public:
  // REQUIRES: all of it outlives the indexer, and the tasks of build() too.
  KeyIndexer(LogContext& context, Offload& thread) : context_(context), thread_(thread) {}

  // Until the index covers the partition. Ends early after stop(), and when the partition is
  // deleted or its index switched off. Errors: what was met in the log; the partition should not be
  // tried again until somebody has looked at it.
  Task<Result<void>> build(std::shared_ptr<PartitionLog> log);
  void stop() { stopping_ = true; }

  // Entries that were added, since the start.
  std::uint64_t added() const { return added_; }

 private:
  // What one step on the maintenance thread read.
  struct Step {
    std::vector<KeyEntry> entries;
    Offset next = 0;  // where the following step begins
  };

  Task<Result<void>> index_part(PartitionLog& log, Unindexed stretch);
  Task<Result<void>> stage(PartitionLog& log, const Unindexed& stretch,
                           const std::vector<KeyEntry>& entries);
  bool wanted(const PartitionLog& log, const Unindexed& stretch) const;
  static Result<Step> read_step(const Store& store, PartitionId id, const Unindexed& stretch,
                                Offset from);

  // What a step reads, and the entries of a commit: small beside a commit's limit, so that appends
  // hardly wait.
  static constexpr std::size_t kStepBytes = 4 << 20;
  static constexpr std::size_t kStepEntries = 20'000;

  LogContext& context_;
  Offload& thread_;
  std::uint64_t added_ = 0;
  bool stopping_ = false;
};

}  // namespace sluice::broker
