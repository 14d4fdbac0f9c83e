#pragma once
// A batch of a topic with delayed delivery, taken apart: what is appended at once, and what waits.
// Pure; reads every record, so the batch's size bounds the time.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/wire/record_batch.h"

namespace sluice::broker {

// Delayed records of one batch; more is Code::too_large, at which clients split the batch. Each
// becomes a key of the store.
inline constexpr std::size_t kDelayedRecordsMax = 100'000;

struct DelayedRecord {
  std::int64_t due_ms = 0;  // Unix
  Buffer batch;             // the record alone, as an uncompressed batch; offset 0, no producer
};

struct DelaySplit {
  // What is due already, with the codec of the batch and without its producer, whose sequences it
  // does not have any more; nothing: all waits.
  std::optional<Buffer> rest;
  // In the order of the batch. Empty: the batch is to be appended as it is, and `rest` is empty
  // too.
  std::vector<DelayedRecord> delayed;
};

struct SplitError {
  Code code = Code::invalid;
  std::string context;       // one sentence for a person
  std::int32_t record = -1;  // of the batch; -1: it is not about one
};

// `plain` are the batch's decompressed records. Code::invalid: a header that due_of() refuses;
// Code::too_large: a delayed record above record_bytes_max, or too many; Code::corrupt.
std::expected<DelaySplit, SplitError> split_delayed(const wire::RecordBatchView& batch,
                                                    ByteView plain, WallTime now,
                                                    std::size_t record_bytes_max);

}  // namespace sluice::broker
