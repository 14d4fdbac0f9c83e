#pragma once
// How RocksDB is set up: the database, and its families in the order of Family.

#include <memory>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include "broker/log/rocks_store.h"
#include "broker/log/rocks_store_filter.h"

namespace sluice::broker {

// What files are written through.
rocksdb::Env* env_of(const RocksOptions& options);

rocksdb::Options database_options(const RocksOptions& options);

// RocksDB's own "default" first. `unwanted`: what compactions of records and of their index ask;
// null when nothing is compacted.
std::vector<rocksdb::ColumnFamilyDescriptor> families(const RocksOptions& options,
                                                      std::shared_ptr<UnwantedKeys> unwanted);

}  // namespace sluice::broker
