#pragma once
// Reading the delayed records of a partition: what is due, what waits, one by its place. Blocking;
// runs on the reader threads and touches nothing that the loop changes.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "broker/log/delay_keys.h"
#include "broker/log/key_finder.h"
#include "broker/log/store.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/wire/record_batch.h"

namespace sluice::broker {

// A stored delayed record: the batch that holds it alone. Code::corrupt.
Result<wire::RecordBatchView> delayed_batch(ByteView value);

// Delayed records that are due, as the one batch that is to be appended, and where they lie, in
// that order. At least one.
struct DueRecords {
  Buffer batch;
  std::vector<DelayPosition> positions;
};

// What one look takes at most; one record may be larger.
struct DueLimits {
  std::size_t bytes_max = 1 << 20;
  std::size_t records_max = 10'000;
};

struct DueScan {
  std::optional<DueRecords> due;
  std::optional<DelayPosition> next;  // where the next one lies; nothing: there is none
  // Records that cannot be read: they stay, and the scan went past them, unless the store itself
  // cannot be read on from `next`.
  std::optional<Error> damage;
  bool cut_short = false;
};

// From `from` on, without those of `left_out`.
DueScan read_due(const Store& store, PartitionId partition, DelayPosition from, WallTime now,
                 const std::set<DelayPosition>& left_out, const DueLimits& limits);

struct WaitingRecord {
  DelayPosition at;
  std::optional<Buffer> key;
  FoundRecord record;           // its offset means nothing yet
  std::optional<Error> damage;  // why neither of them can be read
};

struct WaitingRecords {
  std::vector<WaitingRecord> records;
  std::size_t bytes = 0;              // of them, as they are stored
  std::optional<DelayPosition> next;  // there is more from here on
};

// In the order in which they become due. At least one, if there is one.
Result<WaitingRecords> list_delayed(const Store& store, PartitionId partition, DelayPosition from,
                                    std::size_t records_max, std::size_t bytes_max);
Result<std::optional<WaitingRecord>> find_delayed(const Store& store, PartitionId partition,
                                                  DelayPosition at);

}  // namespace sluice::broker
