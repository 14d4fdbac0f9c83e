#pragma once
// StoreErrors: what the writes of a RocksStore ran into, its own and those of RocksDB's background
// threads, and whether that passes. A full disk does: what did not fit was not acknowledged and is
// written again. Everything else is for good, a failed fsync above all: after one, nobody knows
// what of the file is on the disk. Thread-safe.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

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

  // While it lives, what this thread asks of RocksDB may close a memtable.
  class MayClose {
   public:
    MayClose() : outer_(std::exchange(may_close_, true)) {}
    MayClose(const MayClose&) = delete;
    MayClose& operator=(const MayClose&) = delete;
    ~MayClose() { may_close_ = outer_; }

   private:
    const bool outer_;
  };

  // Why nothing is written any more until a restart; empty when it is.
  std::string failure() const;
  bool failed() const { return failed_; }
  // RocksDB writes nothing before resumed(): the disk was full.
  bool blocked() const { return blocked_; }

  // Whether RocksDB, when it is resumed, begins a new write-ahead log in the place of one that
  // could not be written: it does when a memtable holds something. Without, a full log is for good.
  bool anchored() const { return anchored_; }
  void set_anchored() { anchored_ = true; }
  void OnMemTableSealed(const rocksdb::MemTableInfo& memtable) override {
    if (memtable.cf_name == rocksdb::kDefaultColumnFamilyName) anchored_ = false;
  }

  // How many were met. RocksDB was resumed when it had met `met`; a newer one keeps it blocked.
  std::uint64_t met() const { return met_; }
  void resumed(std::uint64_t met);

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;
  // When there is space again is the store's to say, which keeps a reserve.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  void fail(const rocksdb::Status& status);

  static thread_local bool may_close_;

  mutable std::mutex mutex_;
  std::string failure_;
  std::atomic<bool> failed_ = false;
  std::atomic<bool> blocked_ = false;
  std::atomic<bool> anchored_ = false;
  std::atomic<std::uint64_t> met_ = 0;
};

}  // namespace sluice::broker
