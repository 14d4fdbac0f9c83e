#pragma once
// OpenDatabase: the database of a RocksStore, closed and opened again under those who use it. That
// is how a full disk is got over: what a start after a crash does is simple and well tested, while
// RocksDB 7.8's own Resume() waits for ever for a flush that the error dropped from its queue
// (docs/decisions/0017). Thread-safe.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <rocksdb/db.h>

#include "broker/log/store.h"
#include "shared/base/result.h"

namespace sluice::broker {

class OpenDatabase {
 public:
  // A database and its families, RocksDB's own "default" first. Closes itself.
  class Opened {
   public:
    Opened(rocksdb::DB* db, std::vector<rocksdb::ColumnFamilyHandle*> handles)
        : db_(db), handles_(std::move(handles)) {}
    Opened(const Opened&) = delete;
    Opened& operator=(const Opened&) = delete;
    ~Opened();

    rocksdb::DB& db() const { return *db_; }
    // A database of before there were all of today's families is open for reading only.
    bool has(Family family) const { return index_of(family) < handles_.size(); }
    rocksdb::ColumnFamilyHandle* handle(Family family) const { return handles_[index_of(family)]; }

   private:
    // 0 is RocksDB's own.
    static std::size_t index_of(Family family) { return static_cast<std::size_t>(family) + 1; }

    const std::unique_ptr<rocksdb::DB> db_;
    const std::vector<rocksdb::ColumnFamilyHandle*> handles_;
  };
  using Open = std::function<Result<std::unique_ptr<Opened>>()>;

  // Keeps the database open. Begun and ended on one thread.
  class Use {
   public:
    Use(Use&& other) noexcept : of_(std::exchange(other.of_, nullptr)), opened_(other.opened_) {}
    Use& operator=(Use&&) = delete;
    ~Use() {
      if (of_ != nullptr) of_->end_use();
    }

    const Opened* operator->() const { return opened_; }
    rocksdb::DB& db() const { return opened_->db(); }

   private:
    friend OpenDatabase;
    Use(const OpenDatabase* of, const Opened* opened) : of_(of), opened_(opened) {}

    const OpenDatabase* of_;
    const Opened* const opened_;
  };

  explicit OpenDatabase(std::unique_ptr<Opened> opened) : opened_(std::move(opened)) {}

  // Waits while it is being opened again. Errors: why it could not be.
  Result<Use> use() const;

  // Closes it once nobody uses it, and opens it again: the errors are those of `open`.
  // Code::overloaded, too: somebody uses it for long, a backup for instance, so nothing is changed.
  Result<void> reopen(const Open& open);

 private:
  void end_use() const;

  // Of this thread, of all databases. Whoever has one gets another in any case, else it would wait
  // for a reopen() that waits for it.
  static thread_local int uses_of_thread_;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable int uses_ = 0;
  bool reopening_ = false;
  Result<std::unique_ptr<Opened>> opened_;
};

}  // namespace sluice::broker
