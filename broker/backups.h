#pragma once
// Backups: the backups of the running broker's store: makes one at a time, lists and removes them.
// Lives on the loop thread; the work runs on a thread of its own, so that neither commits nor
// housekeeping wait for it.

#include <cstdint>
#include <optional>
#include <vector>

#include "broker/log/backup.h"
#include "broker/log/store.h"
#include "shared/async/offload.h"
#include "shared/async/task.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace sluice::broker {

// What was done since the start, for metrics.
struct BackupStats {
  std::uint64_t made = 0;
  std::uint64_t failed = 0;
  std::int64_t newest_at = 0;  // Unix ms, of the last one that was made; 0: none yet
};

class Backups {
 public:
  // REQUIRES: all outlive it, and what it has begun has finished when it is destroyed. Without a
  // directory in the options nothing is made: Code::unsupported.
  Backups(Store& store, Offload& thread, const Clock& clock, BackupOptions options)
      : store_(store), thread_(thread), clock_(clock), options_(std::move(options)) {}
  Backups(const Backups&) = delete;
  Backups& operator=(const Backups&) = delete;

  struct Made {
    NewBackup backup;
    Millis took{0};
  };
  // Finishes when the backup is durable. Code::overloaded: one is being made or removed;
  // Code::closed: the broker stops.
  Task<Result<Made>> create();
  // While one is being made, as they were before.
  Task<Result<std::vector<BackupInfo>>> list();
  Task<Result<void>> remove(std::uint32_t id);

  // The one that is being made.
  struct Running {
    std::uint64_t copied_bytes = 0;
    Millis since{0};
  };
  std::optional<Running> running() const;

  const std::string& directory() const { return options_.directory; }
  const BackupStats& stats() const { return stats_; }

  // What is being made is given up.
  void begin_stop();

 private:
  Result<void> begin();

  Store& store_;
  Offload& thread_;
  const Clock& clock_;
  const BackupOptions options_;
  BackupWatch watch_;
  std::optional<Instant> making_since_;
  bool busy_ = false;  // somebody writes to the directory
  std::vector<BackupInfo> known_;
  BackupStats stats_;
};

}  // namespace sluice::broker
