#pragma once
// What the rocks_store*.cc files share, and only they include.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <rocksdb/db.h>

#include "broker/log/backup.h"
#include "broker/log/rocks_store.h"
#include "shared/base/result.h"

namespace sluice::broker {

// Another process holds the lock.
Error in_use_error(const std::string& data_dir, const rocksdb::Status& status);

Error translate(const rocksdb::Status& status, std::string_view doing);

// Opens a database to read from it. `env`: what its files are read through, null for the file
// system itself; outlives the store. `acknowledged`: where it must not end before.
void open_read_only(const std::string& db_dir, rocksdb::Env* env,
                    std::optional<std::uint64_t> acknowledged, ReadOnlyStore& opened);

// Copies the live database. `acknowledged`: the sequence number that it reaches at least.
Result<NewBackup> create_backup(rocksdb::DB& db, const BackupOptions& options,
                                std::uint64_t acknowledged, BackupWatch& watch);

}  // namespace sluice::broker
