#pragma once
// FlushPace: how fast RocksDB's background threads may write tables. Left alone, they put a whole
// segment into the page cache and sync it at once, and every fsync of the write-ahead log waits
// behind that: a hundred milliseconds on an ordinary disk. Spread over half the time that the
// segment took to fill, a flush is done before the next begins, and appends hardly notice it.
//
// Used by the thread that writes the store.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "shared/base/clock.h"

namespace rocksdb {
struct DBOptions;
class RateLimiter;
}  // namespace rocksdb

namespace sluice::broker {

// Bytes a second at which tables are written after a segment of `bytes` that took `took` to fill.
// Not below 64 MiB/s: the disk of a quiet broker has nothing else to do.
std::int64_t flush_bytes_per_second(std::size_t bytes, std::chrono::nanoseconds took);

class FlushPace {
 public:
  // As fast as the disk can, until the first segment ends: at a start, what was replayed is
  // flushed.
  FlushPace();

  // Makes a database that is opened with these options keep the pace.
  void apply(rocksdb::DBOptions& options) const;

  void wrote(std::size_t bytes) { segment_bytes_ += bytes; }
  // What was written so far is a segment, whose flush begins now.
  void segment_ended(Instant now);

 private:
  std::shared_ptr<rocksdb::RateLimiter> limiter_;
  std::size_t segment_bytes_ = 0;
  Instant segment_began_;
};

}  // namespace sluice::broker
