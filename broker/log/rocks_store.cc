#include "broker/log/rocks_store.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>

#include "broker/log/rocks_store_database.h"
#include "broker/log/rocks_store_errors.h"
#include "broker/log/rocks_store_files.h"
#include "broker/log/rocks_store_filter.h"
#include "broker/log/rocks_store_info_log.h"
#include "broker/log/rocks_store_late_logs.h"
#include "broker/log/rocks_store_mark.h"
#include "broker/log/rocks_store_options.h"
#include "broker/log/rocks_store_pace.h"
#include "shared/base/clock.h"

namespace sluice::broker {
namespace {

rocksdb::Slice slice(ByteView bytes) {
  return {bytes.data(), bytes.size()};
}
ByteView view(const rocksdb::Slice& bytes) {
  return {bytes.data(), bytes.size()};
}

// A fast disk fills by so much in the second between two looks.
constexpr std::size_t kSpaceCheckedEvery = 32 << 20;
// What is written to see whether the disk takes something.
constexpr std::size_t kProbeBytes = 1 << 20;

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
  // What the database uses; for reading only, it is what nothing happens to.
  struct Parts {
    FlushPace pace;
    std::unique_ptr<rocksdb::Env> files;
    std::shared_ptr<StoreErrors> errors = std::make_shared<StoreErrors>();
    std::shared_ptr<UnwantedKeys> unwanted = std::make_shared<UnwantedKeys>();
  };
  RocksStore(const RocksOptions& options, Parts parts, rocksdb::DB* db, Handles handles)
      : options_(options),
        pace_(std::move(parts.pace)),
        files_(std::move(parts.files)),
        errors_(std::move(parts.errors)),
        unwanted_(std::move(parts.unwanted)),
        db_(db),
        handles_(std::move(handles)) {}
  RocksStore(const RocksStore&) = delete;
  RocksStore& operator=(const RocksStore&) = delete;
  ~RocksStore() override {
    if (marks_) (void)mark();  // one that is a second old does no harm
    for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
    db_->Close();
  }

  Result<void> write(const WriteBatch& batch) override {
    TRY_VOID(put(batch, true));
    acknowledged_ = db_->GetLatestSequenceNumber();
    return {};
  }

  Result<void> write_unsynced(const WriteBatch& batch) override { return put(batch, false); }

  Result<void> sync() override {
    const auto status = db_->SyncWAL();
    if (!status.ok()) return refuse(status);
    acknowledged_ = db_->GetLatestSequenceNumber();
    return {};
  }

  // No compaction can mix segments: their keys do not overlap, so files only move down the levels.
  Result<void> roll_log() override {
    pace_.segment_ended(SystemClock().now());
    rocksdb::FlushOptions flush;
    flush.wait = false;
    flush.allow_write_stall = true;
    const StoreErrors::MayClose may_close;
    const std::vector<rocksdb::ColumnFamilyHandle*> families = {handle(Family::log),
                                                                handle(Family::index)};
    auto status = db_->Flush(flush, families);
    if (status.IsTryAgain()) {
      // So many segments wait for the disk that writes are stopped. They would wait, not fail.
      flush.wait = true;
      status = db_->Flush(flush, families);
    }
    anchor();
    // On a full disk resume() does it, and nothing is written before.
    if (status.ok() || errors_->note(status)) return {};
    return std::unexpected(translate(status, "beginning a segment"));
  }

  Result<void> reclaim(Family family, ByteView from, ByteView to, KeyFilter wanted) override {
    const bool whole = wanted == nullptr;
    // Dropping makes space, so it goes on when there is little.
    if (errors_->failed() || errors_->blocked() || (full_ && !whole)) {
      return fail(Code::overloaded, refuses_writes());
    }
    const rocksdb::Slice begin = slice(from);
    const rocksdb::Slice end = slice(to);
    const StoreErrors::MayClose may_close;
    rocksdb::Status status;
    if (whole) {
      status = rocksdb::DeleteFilesInRange(db_.get(), handle(family), &begin, &end, false);
      // What is left of it is in files that are new or reach further.
      wanted = [from, to](ByteView key) { return key < from || key >= to; };
    }
    if (status.ok()) status = compact(family, begin, end, std::move(wanted));
    if (status.ok()) return {};
    if (status.IsManualCompactionPaused()) return fail(Code::closed, "the store is being closed");
    if (status.IsIOError()) (void)errors_->note(status);
    return std::unexpected(translate(status, whole ? "dropping a segment" : "rewriting a segment"));
  }

  void stop_reclaiming() override { closing_ = true; }

  Result<void> housekeep() override {
    look_at_space();
    if (errors_->blocked() && !errors_->failed() && !full_) resume();
    return mark();
  }

  Result<NewBackup> backup(const BackupOptions& options, BackupWatch& watch) override {
    return create_backup(*db_, options, acknowledged_, watch);
  }

  // What was acknowledged before this start, against what is there. Only a store that passes is
  // marked.
  Result<void> check_mark() {
    TRY(marked, read_mark(options_.path));
    const std::uint64_t reached = db_->GetLatestSequenceNumber();
    if (marked && *marked > reached) {
      return fail(Code::corrupt,
                  fmt::format("data_dir {} is damaged: it ends at write {}, but {} were "
                              "acknowledged: a write-ahead log file was cut or replaced. Restore a "
                              "backup; to go on without what is lost, remove {}",
                              options_.path, reached, *marked, mark_path(options_.path)));
    }
    acknowledged_ = reached;
    marked_ = marked;
    marks_ = true;
    anchor();
    return {};
  }

  std::string refuses_writes() const override {
    if (errors_->failed()) {
      return fmt::format(
          "the store is read-only after a failed write; the broker must be "
          "restarted ({})",
          errors_->failure());
    }
    if (full_) {
      return fmt::format("less than {} bytes are free on the disk of {}",
                         options_.disk_reserve_bytes, options_.path);
    }
    if (errors_->blocked()) return fmt::format("the disk of {} is full", options_.path);
    return {};
  }

  Result<std::optional<Buffer>> get(Family family, ByteView key) const override {
    if (!has(family)) return std::nullopt;
    Buffer value;
    const auto status = db_->Get(rocksdb::ReadOptions(), handle(family), slice(key), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return std::unexpected(translate(status, "reading the store"));
    return std::optional(std::move(value));
  }

  std::unique_ptr<Cursor> cursor(Family family, std::size_t readahead_bytes) const override {
    if (!has(family)) return std::make_unique<RocksCursor>(rocksdb::NewEmptyIterator());
    rocksdb::ReadOptions options;
    options.readahead_size = readahead_bytes;
    return std::make_unique<RocksCursor>(db_->NewIterator(options, handle(family)));
  }

 private:
  // Not in a database of before there were all of today's, which is open for reading only.
  bool has(Family family) const { return static_cast<std::size_t>(family) + 1 < handles_.size(); }

  Result<void> put(const WriteBatch& batch, bool sync) {
    if (errors_->failed()) return fail(Code::storage, refuses_writes());
    if (errors_->blocked()) return fail(Code::overloaded, refuses_writes());
    rocksdb::WriteBatch rocks(batch.bytes() + 64 * (batch.operations().size() + 1));
    rocksdb::Status status;
    for (const auto& operation : batch.operations()) {
      status = add(rocks, operation);
      if (!status.ok()) return refuse(status);
    }
    rocksdb::WriteOptions write;
    write.sync = sync;
    const StoreErrors::MayClose may_close;
    status = db_->Write(write, &rocks);
    if (!status.ok()) return refuse(status);
    pace_.wrote(batch.bytes());
    unchecked_bytes_ += batch.bytes();
    if (unchecked_bytes_ >= kSpaceCheckedEvery) look_at_space();
    return {};
  }

  // In two steps: RocksDB's own compaction, which keeps everything, may take a new file down while
  // this one waits for it, so what is in the lowest level afterwards is looked at in any case.
  rocksdb::Status compact(Family family, const rocksdb::Slice& begin, const rocksdb::Slice& end,
                          KeyFilter wanted) {
    using Bottommost = rocksdb::BottommostLevelCompaction;
    unwanted_->set(std::move(wanted));
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    options.canceled = &closing_;
    rocksdb::Status status;
    for (const Bottommost step : {Bottommost::kSkip, Bottommost::kForce}) {
      options.bottommost_level_compaction = step;
      if (status.ok()) status = db_->CompactRange(options, handle(family), &begin, &end);
    }
    unwanted_->set(nullptr);
    return status;
  }

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

  // After a failed write or fsync nothing about the tail is certain, so no later write may succeed;
  // unless it was not begun, or is not wholly there, for lack of space.
  Result<void> refuse(const rocksdb::Status& status) {
    if (errors_->note(status)) return fail(Code::overloaded, refuses_writes());
    return std::unexpected(translate(status, "writing the store"));
  }

  // RocksDB begins a new write-ahead log and writes all memtables to files, so that the old log,
  // whose end may be torn in the middle of a write, is not needed any more.
  void resume() {
    const std::uint64_t met = errors_->met();
    if (!has_room()) return;
    const bool anchored = errors_->anchored();
    const StoreErrors::MayClose may_close;
    const auto status = db_->Resume();
    if (status.ok()) {
      if (anchored) anchor();  // again, where a log begins
      errors_->resumed(met);
    } else if (!status.IsBusy()) {
      (void)errors_->note(status);
    }
  }

  // Something in a memtable that roll_log() does not close, see StoreErrors::anchored(). It takes a
  // sequence number that is not in any log, so it has to come before the first write of one.
  void anchor() {
    if (errors_->anchored()) return;
    rocksdb::WriteOptions memory_only;
    memory_only.disableWAL = true;
    if (db_->Put(memory_only, "", "").ok()) errors_->set_anchored();
  }

  // The free space that is told may not be ours.
  bool has_room() {
    const std::string path = options_.path + "/probe";
    const std::string probe(kProbeBytes, '\0');
    const auto status = rocksdb::WriteStringToFile(env_of(options_), probe, path, true);
    (void)env_of(options_)->DeleteFile(path);
    return status.ok();
  }

  Result<void> mark() {
    const std::uint64_t reached = acknowledged_;
    if (reached == marked_) return {};
    const auto status = write_mark(env_of(options_), options_.path, reached);
    if (status.ok()) {
      marked_ = reached;
      return {};
    }
    // A full disk stops nothing here: the mark is only older than it could be.
    if (!StoreErrors::passes(status)) (void)errors_->note(status);
    return std::unexpected(translate(status, "marking what was acknowledged"));
  }

  void look_at_space() {
    unchecked_bytes_ = 0;
    std::uint64_t free_bytes = 0;
    const auto status = env_of(options_)->GetFreeSpace(options_.path, &free_bytes);
    if (status.ok()) full_ = free_bytes < options_.disk_reserve_bytes;
  }

  const RocksOptions options_;
  FlushPace pace_;
  const std::unique_ptr<rocksdb::Env> files_;
  const std::shared_ptr<StoreErrors> errors_;
  const std::shared_ptr<UnwantedKeys> unwanted_;
  std::unique_ptr<rocksdb::DB> db_;
  Handles handles_;
  std::atomic<bool> full_ = false;
  std::atomic<bool> closing_ = false;
  std::atomic<std::size_t> unchecked_bytes_ = 0;  // written since the last look at the free space
  std::atomic<std::uint64_t> acknowledged_ = 0;   // RocksDB's sequence number
  bool marks_ = false;
  std::optional<std::uint64_t> marked_;  // used by mark() only
};

std::string damaged_text(const std::string& path, std::string_view what) {
  return fmt::format(
      "data_dir {} is damaged and was not opened: {}. 'sluicectl verify' lists all "
      "damage; restore a backup, or move the directory away to start empty",
      path, what);
}

Error open_error(const rocksdb::Status& status, const std::string& path) {
  const std::string text = status.ToString();
  if (status.IsNoSpace()) {
    return {Code::storage, fmt::format("the disk of data_dir {} is full: a start needs space for "
                                       "what it replays; free some, nothing is lost ({})",
                                       path, text)};
  }
  if (text.find("lock") != std::string::npos || text.find("LOCK") != std::string::npos) {
    return in_use_error(path, status);
  }
  if (status.IsCorruption()) return {Code::corrupt, damaged_text(path, text)};
  return {Code::storage, fmt::format("data_dir {} cannot be opened: {}", path, text)};
}

// RocksDB repairs, renews and removes while it opens, so damage is looked for before.
Result<void> check_before_open(const std::string& path) {
  const auto lock = DirectoryLock::take(path);
  if (!lock) return std::unexpected(lock.error());
  for (const Finding& finding : check_start_files(path).findings) {
    if (!finding.warning) return fail(Code::corrupt, damaged_text(path, finding.text()));
  }
  return {};
}

class SilentLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

}  // namespace

Error in_use_error(const std::string& data_dir, const rocksdb::Status& status) {
  return {Code::unavailable,
          fmt::format("data_dir {} is in use by another process: stop it or choose another "
                      "data_dir ({})",
                      data_dir, status.ToString())};
}

Error translate(const rocksdb::Status& status, std::string_view doing) {
  const Code code = status.IsCorruption() ? Code::corrupt : Code::storage;
  return {code, fmt::format("{}: {}", doing, status.ToString())};
}

Result<std::unique_ptr<Store>> open_rocks_store(const RocksOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.path, error);
  if (error) {
    return fail(Code::storage,
                fmt::format("data_dir {} cannot be created: {}", options.path, error.message()));
  }
  TRY_VOID(check_before_open(options.path));
  RocksStore::Parts parts{.pace = {}, .files = std::make_unique<LateLogs>(env_of(options))};
  rocksdb::Options database = database_options(options);
  database.env = parts.files.get();
  database.info_log = std::make_shared<InfoLog>(options.path + "/db/LOG");
  database.listeners.push_back(parts.errors);
  parts.pace.apply(database);
  rocksdb::DB* db = nullptr;
  RocksStore::Handles handles;
  const auto status = rocksdb::DB::Open(database, options.path + "/db",
                                        families(options, parts.unwanted), &handles, &db);
  if (!status.ok()) return std::unexpected(open_error(status, options.path));
  auto store = std::make_unique<RocksStore>(options, std::move(parts), db, std::move(handles));
  TRY_VOID(store->check_mark());
  (void)store->housekeep();  // on a full disk the mark waits, like all writes
  return store;
}

void open_read_only(const std::string& db_dir, rocksdb::Env* env,
                    std::optional<std::uint64_t> acknowledged, ReadOnlyStore& opened) {
  const RocksOptions options{.path = db_dir, .env = env};
  rocksdb::Options database = database_options(options);
  database.create_if_missing = false;  // true makes the directory even here
  database.info_log = std::make_shared<SilentLogger>();
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  auto wanted = families(options, nullptr);
  std::vector<std::string> present;
  const bool listed = rocksdb::DB::ListColumnFamilies(database, db_dir, &present).ok();
  while (listed && std::ranges::find(present, wanted.back().name) == present.end()) {
    wanted.pop_back();
  }
  const auto status = rocksdb::DB::OpenForReadOnly(database, db_dir, wanted, &handles, &db);
  if (!status.ok()) {
    opened.findings.push_back(
        {.file = db_dir,
         .what = fmt::format("the database cannot be opened, so its records were not looked at: {}",
                             status.ToString())});
    return;
  }
  if (acknowledged && *acknowledged > db->GetLatestSequenceNumber()) {
    opened.findings.push_back(
        {.file = db_dir,
         .what = fmt::format("it ends at write {}, but {} were acknowledged: a write-ahead log "
                             "was cut or replaced",
                             db->GetLatestSequenceNumber(), *acknowledged)});
  }
  std::vector<rocksdb::LiveFileMetaData> tables;
  db->GetLiveFilesMetaData(&tables);
  for (const auto& table : tables) opened.tables.insert(table.relative_filename);
  opened.store = std::make_unique<RocksStore>(options, RocksStore::Parts(), db, std::move(handles));
}

ReadOnlyStore open_rocks_store_read_only(const std::string& data_dir) {
  ReadOnlyStore opened;
  const auto mark = read_mark(data_dir);
  open_read_only(data_dir + "/db", nullptr, mark.value_or(std::nullopt), opened);
  return opened;
}

}  // namespace sluice::broker
