#pragma once
// Reading a partition's records from the store. Blocking; runs on the reader threads with a
// snapshot of the partition's parts, so it touches nothing that the loop changes.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "broker/log/keys.h"
#include "broker/log/store.h"
#include "shared/base/result.h"

namespace sluice::broker {

// A partition's part of one segment.
struct Part {
  Segment segment = 0;
  Offset first = 0;
  Offset end = 0;
  std::int64_t max_timestamp = -1;
  std::uint64_t bytes = 0;
};

struct ReadLimits {
  std::size_t bytes_max = 0;
  bool at_least_one_batch = false;  // even when it is larger than bytes_max (KIP-74)
};

struct TimestampedOffset {
  Offset offset = -1;
  std::int64_t timestamp = -1;
};

// The value that the cursor is at when it lies in that part; else nothing.
std::optional<LogKey> key_in_part(const Cursor& cursor, Segment segment, PartitionId partition);

class LogReader {
 public:
  // `end`: what lies at or behind it is not durable yet, or came later. REQUIRES: the store
  // outlives it; parts are in order.
  LogReader(const Store& store, PartitionId partition, std::vector<Part> parts, Offset end)
      : store_(store), partition_(partition), parts_(std::move(parts)), end_(end) {}

  // Whole batches from the one that holds `from`, or from the next one when compaction took that.
  Result<Buffer> read(Offset from, ReadLimits limits) const;

  // The first record at or after `from` whose timestamp is >= `timestamp`; offset -1 when none is.
  Result<TimestampedOffset> find_timestamp(Offset from, std::int64_t timestamp) const;
  // The record with the largest timestamp (ListOffsets -3, KIP-734).
  Result<TimestampedOffset> find_max_timestamp(Offset from) const;

 private:
  template <class Visit>
  Result<void> for_each_batch(Offset from, std::size_t readahead, Visit visit) const;

  const Store& store_;
  const PartitionId partition_;
  const std::vector<Part> parts_;
  const Offset end_;
};

}  // namespace sluice::broker
