#pragma once
// RocksStore: the Store on RocksDB, and the only file that sees RocksDB. Two column families, one
// WAL, one fsync a write.

#include <memory>
#include <string>

#include "broker/log/store.h"

namespace sluice::broker {

struct RocksOptions {
  std::string path;
  // What roll_log() is called after: the memory of recent writes is at most a few of these, and so
  // is what a start after a crash has to replay.
  std::size_t segment_bytes = 64 << 20;
  // Free space below which writes are refused: flushes of what was acknowledged still need some.
  std::size_t disk_reserve_bytes = 512 << 20;
  // Cache of read blocks.
  std::size_t block_cache_bytes = 16 << 20;
};

// Opens or creates the store. Errors name the directory and what to do: locked by another process,
// damaged (file and place), not writable.
Result<std::unique_ptr<Store>> open_rocks_store(const RocksOptions& options);

}  // namespace sluice::broker
