#pragma once
// PartitionDelays: the delayed records of one partition. Counts them, names them, and stages what
// comes and what goes, for the same commit as what else the partition stages then. The records are
// in Family::delay alone: memory does not grow with them.
//
// Lives on the loop thread, in its PartitionLog.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "broker/delay/delay_split.h"
#include "broker/log/delay_keys.h"
#include "broker/log/log_context.h"
#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace sluice::broker {

class PartitionDelays {
 public:
  PartitionDelays(LogContext& context, PartitionId id) : context_(context), id_(id) {}
  PartitionDelays(const PartitionDelays&) = delete;
  PartitionDelays& operator=(const PartitionDelays&) = delete;

  // At start, before any other call: the value of delayed_key().
  Result<void> restore(ByteView value);

  // Whether the broker takes so many more.
  bool fits(std::size_t count) const;
  // Returns the place of the one that is due first. REQUIRES: not empty, fits().
  DelayPosition stage(std::vector<DelayedRecord> records);
  // They were delivered or cancelled. REQUIRES: all are there.
  void stage_gone(std::span<const DelayPosition> positions);
  // Forgets all, for the topic's deletion, and stages that.
  void erase();

  // With those that are staged.
  std::uint64_t pending() const { return pending_; }
  // There was one once: parts may hold records whose time is older than their coming.
  bool ever() const { return next_sequence_ > 0; }

 private:
  void stage_count();

  LogContext& context_;
  const PartitionId id_;
  std::uint64_t pending_ = 0;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace sluice::broker
