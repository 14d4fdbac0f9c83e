#pragma once
// What a backup is told and tells; broker/log/rocks_store_backups.h makes them.

#include <atomic>
#include <cstdint>
#include <string>

namespace sluice::broker {

struct BackupInfo {
  std::uint32_t id = 0;
  std::int64_t created_at = 0;  // Unix ms, to the second
  std::uint64_t bytes = 0;      // all that a restore writes
  std::uint64_t files = 0;
};

// One that was just made.
struct NewBackup {
  BackupInfo info;
  std::uint64_t new_bytes = 0;  // what the backups before did not have
};

// Shared between the thread that makes a backup and whoever watches it.
struct BackupWatch {
  std::atomic<std::uint64_t> copied_bytes = 0;  // so far, in steps
  std::atomic<bool> cancel = false;             // give up soon; what was made is removed later
};

struct BackupOptions {
  std::string directory;
  std::uint64_t bytes_per_second = 0;  // 0: as fast as it goes
};

}  // namespace sluice::broker
