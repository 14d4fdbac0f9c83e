#include "broker/log/rocks_store_options.h"

#include <utility>

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/table.h>

namespace sluice::broker {
namespace {

// A block of delayed records.
constexpr std::size_t kDelayBlockBytes = 64 << 10;

}  // namespace

rocksdb::Env* env_of(const RocksOptions& options) {
  return options.env != nullptr ? options.env : rocksdb::Env::Default();
}

rocksdb::Options database_options(const RocksOptions& options) {
  rocksdb::Options db;
  db.env = env_of(options);
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  // A torn tail was never acknowledged; any other damage must stop the start (storage.md section
  // 6).
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.track_and_verify_wals_in_manifest = true;
  db.max_total_wal_size = 3 * options.segment_bytes;
  db.max_background_jobs = 2;
  db.stats_dump_period_sec = 0;
  db.avoid_flush_during_shutdown = true;  // what is not in the log is not wanted
  db.stats_persist_period_sec = 0;
  db.max_open_files = 512;
  // The log is read in order, so the kernel may read ahead: then the disk works on the next piece
  // while one is sent.
  db.advise_random_on_open = false;
  return db;
}

std::vector<rocksdb::ColumnFamilyDescriptor> families(const RocksOptions& options,
                                                      std::shared_ptr<UnwantedKeys> unwanted) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  rocksdb::ColumnFamilyOptions log;
  // Segments end by roll_log(), so that files align with them; twice their size is never reached.
  log.write_buffer_size = 2 * options.segment_bytes;
  log.max_write_buffer_number = 4;
  // Nothing is rewritten for its age: retention is the broker's.
  log.ttl = 0;
  log.periodic_compaction_seconds = 0;
  log.compression =
      rocksdb::kNoCompression;  // batches arrive compressed, or their sender chose not to
  log.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::ColumnFamilyOptions state = log;
  state.write_buffer_size = options.segment_bytes / 4;
  // Millions of small records that are read in order: large blocks keep the tables' indexes small,
  // which are in memory.
  rocksdb::ColumnFamilyOptions delay = state;
  table.block_size = kDelayBlockBytes;
  delay.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  log.compaction_filter_factory = std::move(unwanted);
  // In the order of Family. The index' files end with the log's, so it has the same options.
  return {{rocksdb::kDefaultColumnFamilyName, state},
          {"log", log},
          {"state", state},
          {"index", log},
          {"delay", delay}};
}

}  // namespace sluice::broker
