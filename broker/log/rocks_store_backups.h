#pragma once
// A directory of backups, as RocksDB's BackupEngine keeps it: table files are shared between the
// backups, every file has a checksum. One writer at a time, which is the broker that the directory
// is configured for; reading is free to all. Blocking.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/log/backup.h"
#include "broker/log/rocks_store.h"
#include "shared/base/result.h"

namespace sluice::broker {

// In the order of their ids, which is that of their making. A directory that is not there has none.
Result<std::vector<BackupInfo>> list_backups(const std::string& directory);

// Removes one, and the files that no other needs. Code::not_found.
Result<void> delete_backup(const std::string& directory, std::uint32_t id);

// Writes a backup, or the newest for no id, into a data directory that does not exist or is empty,
// and checks every file on the way. Code::exists: it is not empty; Code::corrupt: the backup is
// damaged, and nothing is left behind.
Result<BackupInfo> restore_backup(const std::string& directory, std::optional<std::uint32_t> id,
                                  const std::string& data_dir);

// A backup, opened where it lies; findings are files that are missing or fail their checksum.
struct OpenBackup {
  BackupInfo info;
  ReadOnlyStore read;
};
Result<OpenBackup> open_backup(const std::string& directory, std::optional<std::uint32_t> id);

}  // namespace sluice::broker
