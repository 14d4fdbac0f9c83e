#pragma once
// LogContext: what every partition works with.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "broker/log/committer.h"
#include "broker/log/delay_keys.h"
#include "broker/log/keys.h"
#include "broker/log/segments.h"
#include "broker/log/store.h"
#include "broker/log/tail_cache.h"
#include "shared/async/offload.h"
#include "shared/base/result.h"

namespace sluice::broker {

class PartitionLog;

// Delayed records of all partitions.
struct DelayedCount {
  std::uint64_t pending = 0;
  // At it no more are taken. They are on the disk, so it is about the disk.
  std::uint64_t pending_max = 100'000'000;
};

// Outlives the partitions. Lives on the loop thread.
struct LogContext {
  Store& store;
  Offload& readers;
  Committer& committer;
  TailCache& tail;
  Segments& segments;
  // Told on the loop when a partition has more to read: wakes parked fetches.
  std::function<void(PartitionId, std::size_t bytes)> appended;
  // Told on the loop when stored records of a partition cannot be read; may be empty.
  std::function<void(PartitionId, const Error&)> damaged;
  // Told on the loop when a partition has delayed records at this place or behind it, durably; may
  // be empty.
  std::function<void(std::shared_ptr<PartitionLog>, DelayPosition)> delayed;
  DelayedCount delays;
};

}  // namespace sluice::broker
