#pragma once
// RocksStore: the Store on RocksDB, which only it and what is named after it see. A column family
// for each Family, one write-ahead log, one fsync a write.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker/log/finding.h"
#include "broker/log/store.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

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
  // What files are written through and free space is asked of; outlives the store. Null: the file
  // system itself. Tests bring one that fails.
  rocksdb::Env* env = nullptr;
};

// Opens or creates the store. Errors name the directory and what to do: locked by another process,
// damaged (file and place), not writable.
Result<std::unique_ptr<Store>> open_rocks_store(const RocksOptions& options);

// What is there, opened for reading.
struct ReadOnlyStore {
  std::shared_ptr<void> files;   // what the store reads through; may be null
  std::unique_ptr<Store> store;  // null: too damaged to be opened, which is a finding
  // Names of the table files that it consists of. Others are what a crash left of files that were
  // being written; the next start removes them.
  std::set<std::string> tables;
  std::vector<Finding> findings;
};

// Changes nothing. REQUIRES: a DirectoryLock, or nobody writes.
ReadOnlyStore open_rocks_store_read_only(const std::string& data_dir);

}  // namespace sluice::broker
