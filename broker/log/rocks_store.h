#pragma once
// RocksStore: the Store on RocksDB, and the only file that sees RocksDB. Two column families, one
// WAL, one fsync a write.

#include <memory>
#include <string>

#include "broker/log/store.h"

namespace sluice::broker {

struct RocksOptions {
  std::string path;
  // Sum of both families' memtables, flushed when full: bounds the memory and the replay at start.
  std::size_t write_buffer_bytes = 64 << 20;
  // Cache of read blocks.
  std::size_t block_cache_bytes = 16 << 20;
};

// Opens or creates the store. Errors name the directory and what to do: locked by another process,
// damaged (file and place), not writable.
Result<std::unique_ptr<Store>> open_rocks_store(const RocksOptions& options);

}  // namespace sluice::broker
