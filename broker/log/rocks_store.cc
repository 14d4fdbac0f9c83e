#include "broker/log/rocks_store.h"

#include <array>
#include <atomic>
#include <filesystem>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

namespace sluice::broker {
namespace {

rocksdb::Slice slice(ByteView bytes) {
  return {bytes.data(), bytes.size()};
}
ByteView view(const rocksdb::Slice& bytes) {
  return {bytes.data(), bytes.size()};
}

Error translate(const rocksdb::Status& status, std::string_view doing) {
  const Code code = status.IsCorruption() ? Code::corrupt : Code::storage;
  return {code, fmt::format("{}: {}", doing, status.ToString())};
}

class RocksCursor final : public Cursor {
 public:
  explicit RocksCursor(rocksdb::Iterator* iterator) : iterator_(iterator) {}
  void seek(ByteView key) override { iterator_->Seek(slice(key)); }
  void seek_for_prev(ByteView key) override { iterator_->SeekForPrev(slice(key)); }
  void next() override { iterator_->Next(); }
  bool valid() const override { return iterator_->Valid(); }
  ByteView key() const override { return view(iterator_->key()); }
  ByteView value() const override { return view(iterator_->value()); }
  Result<void> status() const override {
    const rocksdb::Status status = iterator_->status();
    if (status.ok()) return {};
    return std::unexpected(translate(status, "reading the store"));
  }

 private:
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

class RocksStore final : public Store {
 public:
  using Handles = std::vector<rocksdb::ColumnFamilyHandle*>;
  RocksStore(rocksdb::DB* db, Handles handles) : db_(db), handles_(std::move(handles)) {}
  RocksStore(const RocksStore&) = delete;
  RocksStore& operator=(const RocksStore&) = delete;
  ~RocksStore() override {
    for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
    db_->Close();
  }

  Result<void> write(const WriteBatch& batch) override {
    if (failed_) return fail(Code::storage, "the store is read-only after a failed write");
    rocksdb::WriteBatch rocks(batch.bytes() + 64 * (batch.operations().size() + 1));
    rocksdb::Status status;
    for (const auto& operation : batch.operations()) {
      status = add(rocks, operation);
      if (!status.ok()) return refuse(status);
    }
    rocksdb::WriteOptions options;
    options.sync = true;
    status = db_->Write(options, &rocks);
    if (!status.ok()) return refuse(status);
    return {};
  }

  Result<std::optional<Buffer>> get(Family family, ByteView key) const override {
    Buffer value;
    const auto status = db_->Get(rocksdb::ReadOptions(), handle(family), slice(key), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return std::unexpected(translate(status, "reading the store"));
    return std::optional(std::move(value));
  }

  std::unique_ptr<Cursor> cursor(Family family, std::size_t readahead_bytes) const override {
    rocksdb::ReadOptions options;
    options.readahead_size = readahead_bytes;
    return std::make_unique<RocksCursor>(db_->NewIterator(options, handle(family)));
  }

 private:
  rocksdb::ColumnFamilyHandle* handle(Family family) const {
    return handles_[static_cast<std::size_t>(family) + 1];  // 0 is RocksDB's own "default"
  }

  rocksdb::Status add(rocksdb::WriteBatch& rocks, const WriteBatch::Operation& operation) const {
    auto* family = handle(operation.family);
    switch (operation.kind) {
      case WriteBatch::Kind::put:
        return rocks.Put(family, slice(operation.key), slice(operation.value));
      case WriteBatch::Kind::erase:
        return rocks.Delete(family, slice(operation.key));
      case WriteBatch::Kind::erase_range:
        return rocks.DeleteRange(family, slice(operation.key), slice(operation.value));
    }
    return rocksdb::Status::InvalidArgument("unknown operation");
  }

  // After a failed write or fsync nothing about the tail is certain, so no later write may succeed.
  Result<void> refuse(const rocksdb::Status& status) {
    failed_ = true;
    return std::unexpected(translate(status, "writing the store"));
  }

  std::unique_ptr<rocksdb::DB> db_;
  Handles handles_;
  std::atomic<bool> failed_ = false;
};

rocksdb::Options database_options(const RocksOptions& options) {
  rocksdb::Options db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  // A torn tail was never acknowledged; any other damage must stop the start (storage.md section
  // 6).
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  db.track_and_verify_wals_in_manifest = true;
  db.db_write_buffer_size = options.write_buffer_bytes;
  db.max_total_wal_size = 2 * options.write_buffer_bytes;
  db.max_background_jobs = 2;
  db.keep_log_file_num = 2;
  db.max_log_file_size = 1 << 20;
  db.info_log_level = rocksdb::WARN_LEVEL;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.max_open_files = 512;
  return db;
}

std::vector<rocksdb::ColumnFamilyDescriptor> families(const RocksOptions& options) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  rocksdb::ColumnFamilyOptions log;
  log.write_buffer_size = options.write_buffer_bytes;
  log.compression =
      rocksdb::kNoCompression;  // batches arrive compressed, or their sender chose not to
  log.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  rocksdb::ColumnFamilyOptions state = log;
  state.write_buffer_size = options.write_buffer_bytes / 4;
  return {{rocksdb::kDefaultColumnFamilyName, state}, {"log", log}, {"state", state}};
}

Error open_error(const rocksdb::Status& status, const std::string& path) {
  const std::string text = status.ToString();
  if (text.find("lock") != std::string::npos || text.find("LOCK") != std::string::npos) {
    return {Code::unavailable,
            fmt::format("data_dir {} is in use by another process: stop it or choose another "
                        "data_dir ({})",
                        path, text)};
  }
  if (status.IsCorruption()) {
    return {Code::corrupt,
            fmt::format("data_dir {} is damaged and was not opened, nothing was changed: {}. "
                        "Restore a backup, or move the directory away to start empty",
                        path, text)};
  }
  return {Code::storage, fmt::format("data_dir {} cannot be opened: {}", path, text)};
}

}  // namespace

Result<std::unique_ptr<Store>> open_rocks_store(const RocksOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.path, error);
  if (error) {
    return fail(Code::storage,
                fmt::format("data_dir {} cannot be created: {}", options.path, error.message()));
  }
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const auto status =
      rocksdb::DB::Open(database_options(options), options.path, families(options), &handles, &db);
  if (!status.ok()) return std::unexpected(open_error(status, options.path));
  return std::make_unique<RocksStore>(db, std::move(handles));
}

}  // namespace sluice::broker
