#pragma once
// KeyFinder: the records of a partition that have a key, in order: by the key index as far as it
// reaches, by reading everything where it does not. Blocking; runs on the reader threads with a
// snapshot of the partition's bounds, so it touches nothing that the loop changes.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "broker/log/key_index.h"
#include "broker/log/keys.h"
#include "broker/log/log_reader.h"
#include "broker/log/store.h"
#include "shared/base/result.h"
#include "shared/wire/record.h"
#include "shared/wire/record_batch.h"

namespace sluice::broker {

// One question takes so much work at most; whoever wants more asks again from `next` on. At least
// one batch is looked at.
struct FindRequest {
  Buffer key;
  Offset from = 0;
  std::size_t records_max = 0;
  std::size_t read_bytes_max = 0;    // of the log, decompressed
  std::size_t answer_bytes_max = 0;  // keys, values and headers; one record may be larger
};

struct FoundRecord {
  Offset offset = 0;
  std::int64_t timestamp_ms = -1;
  std::optional<Buffer> value;
  std::vector<std::pair<Buffer, std::optional<Buffer>>> headers;
};

FoundRecord copy_of(const wire::Record& record);

struct FoundRecords {
  std::vector<FoundRecord> records;
  Offset next = 0;    // all before it was looked for
  bool done = false;  // that is the end
  // How it was looked for: offsets, with those of records that are gone, and bytes that were read.
  std::uint64_t indexed_offsets = 0;
  std::uint64_t scanned_offsets = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t unreadable_batches = 0;  // they could not be decompressed
};

class KeyFinder {
 public:
  struct Bounds {
    Offset log_start = 0;
    Offset end = 0;                      // what lies behind it is not durable yet
    std::optional<Offset> indexed_from;  // nothing: there is no index
  };

  // REQUIRES: the store outlives it; parts are in order.
  KeyFinder(const Store& store, PartitionId partition, std::vector<Part> parts, Bounds bounds)
      : store_(store), partition_(partition), parts_(std::move(parts)), bounds_(bounds) {}

  Result<FoundRecords> find(const FindRequest& request) const;

 private:
  struct Search;

  Result<void> scan(Search& search, const Part& part, Offset end) const;
  Result<void> look_up(Search& search, const Part& part) const;

  const Store& store_;
  const PartitionId partition_;
  const std::vector<Part> parts_;
  const Bounds bounds_;
};

}  // namespace sluice::broker
