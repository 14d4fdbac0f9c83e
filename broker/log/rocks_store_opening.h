#pragma once
// How a data directory is opened: looked at for damage first, then by RocksDB. At a start, and when
// a full disk has space again.

#include <cstdint>
#include <memory>
#include <string>

#include "broker/log/rocks_store.h"
#include "broker/log/rocks_store_errors.h"
#include "broker/log/rocks_store_filter.h"
#include "broker/log/rocks_store_info_log.h"
#include "broker/log/rocks_store_open_database.h"
#include "broker/log/rocks_store_pace.h"

namespace sluice::broker {

// What the database uses, and keeps when it is opened again.
struct DatabaseParts {
  FlushPace pace;
  std::shared_ptr<StoreErrors> errors = std::make_shared<StoreErrors>();
  std::shared_ptr<UnwantedKeys> unwanted = std::make_shared<UnwantedKeys>();
  std::shared_ptr<InfoLog> info_log;
};

// Code::overloaded: the disk is too full for what is replayed. Every other error is for good.
Result<std::unique_ptr<OpenDatabase::Opened>> open_database(const RocksOptions& options,
                                                            const DatabaseParts& parts);

// Opens a database, with the families that it has, to read from it. Changes nothing. `env`: what
// its files are read through, null for the file system itself; outlives it.
Result<std::unique_ptr<OpenDatabase::Opened>> open_to_read(const std::string& db_dir,
                                                           rocksdb::Env* env);

// Whether the database ends at or behind `acknowledged`; both are RocksDB's sequence numbers.
// Code::corrupt.
Result<void> check_reached(const std::string& data_dir, std::uint64_t reached,
                           std::uint64_t acknowledged);

}  // namespace sluice::broker
