#pragma once
// Cleaner: compaction by key as a background job, one partition at a time. It reads on the
// maintenance Offload, step by step, and what a step changes goes through the committer like an
// append: after each commit the log is whole, so it can be stopped or killed at any point.
//
// Lives on the loop thread. A pass over a partition holds the map of its newest keys, at most
// map_bytes_max; a partition with more keys takes several passes.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/log/partition_log.h"
#include "shared/async/offload.h"
#include "shared/async/task.h"
#include "shared/base/clock.h"

namespace sluice::broker {

struct CleanerStats {
  std::uint64_t passes = 0;
  std::uint64_t records_dropped = 0;
  std::uint64_t bytes_dropped = 0;
};

class Cleaner {
 public:
  struct Job {
    std::shared_ptr<PartitionLog> log;
    CompactionRules rules;
  };

  // REQUIRES: all of it outlives the cleaner, and the tasks of clean() too.
  Cleaner(LogContext& context, Offload& thread, const Clock& clock, std::size_t map_bytes_max)
      : context_(context), thread_(thread), clock_(clock), map_bytes_max_(map_bytes_max) {}

  // Compacts one partition if it is worth it. Ends early after stop(), and when the partition is
  // deleted. Errors: what was met in the log; the partition is left as it is, and should not be
  // tried again until somebody has looked at it.
  Task<Result<void>> clean(Job job);
  void stop() { stopping_ = true; }

  const CleanerStats& stats() const { return stats_; }

 private:
  // What one step on the maintenance thread found out.
  struct Step {
    std::vector<Rewrite> rewrites;
    Offset next = 0;    // where the following step begins
    bool done = false;  // the stretch ends here
    std::int64_t max_timestamp = -1;
    std::int64_t next_horizon_ms = kNoHorizon;
    std::uint64_t dropped = 0;
    std::vector<KeyEntry> dropped_keys;
  };
  struct Pass;

  Task<Result<void>> collect_keys(Pass& pass);
  Task<Result<void>> clean_parts(Pass& pass);
  Task<Result<void>> clean_part(Pass& pass, Part part);
  static Result<bool> collect_step(const Store& store, PartitionId id, const Part& part,
                                   NewestOffsets& newest, Offset& next);
  static Result<Step> clean_step(const Store& store, PartitionId id, const Part& part, Offset from,
                                 const NewestOffsets& newest, const CleanBounds& bounds);

  // What a step reads, and about what one commit of it can write: small beside a commit's limit, so
  // that appends hardly wait, and long enough for a disk to be fast.
  static constexpr std::size_t kStepBytes = 4 << 20;
  // Entries of the key index that a step takes away, for the same reason.
  static constexpr std::size_t kStepKeys = 50'000;

  LogContext& context_;
  Offload& thread_;
  const Clock& clock_;
  const std::size_t map_bytes_max_;
  CleanerStats stats_;
  bool stopping_ = false;
};

}  // namespace sluice::broker
