#pragma once
// StoreErrors: what the writes of a RocksStore ran into, its own and those of RocksDB's background
// threads, and whether that passes. A full disk does: what did not fit was not acknowledged and is
// written again. Everything else is for good, a failed fsync above all: after one, nobody knows
// what of the file is on the disk. Thread-safe.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/status.h>

namespace sluice::broker {

class StoreErrors final : public rocksdb::EventListener {
 public:
  // Whether there was no space for it. An fsync that says so is a failed fsync.
  static bool passes(const rocksdb::Status& status);

  // Of a write, whatever it was for. True: it passes.
  bool note(const rocksdb::Status& status);

  // Nothing is written any more.
  void fail(std::string why);

  // Why nothing is written any more until a restart; empty when it is.
  std::string failure() const;
  bool failed() const { return failed_; }
  // Nothing is written before resumed(): the disk was full.
  bool blocked() const { return blocked_; }

  // How many were met. The database was opened again when it had met `met`; a newer one keeps it
  // blocked.
  std::uint64_t met() const { return met_; }
  void resumed(std::uint64_t met);

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;
  // When there is space again is the store's to say, which keeps a reserve.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  mutable std::mutex mutex_;
  std::string failure_;
  std::atomic<bool> failed_ = false;
  std::atomic<bool> blocked_ = false;
  std::atomic<std::uint64_t> met_ = 0;
};

}  // namespace sluice::broker
