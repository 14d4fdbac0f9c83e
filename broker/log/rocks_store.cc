#include "broker/log/rocks_store.h"

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
#include "broker/log/rocks_store_filter.h"
#include "broker/log/rocks_store_info_log.h"
#include "broker/log/rocks_store_mark.h"
#include "broker/log/rocks_store_open_database.h"
#include "broker/log/rocks_store_opening.h"
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
  RocksCursor(OpenDatabase::Use use, rocksdb::Iterator* iterator)
      : use_(std::move(use)), iterator_(iterator) {}
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
  const std::optional<OpenDatabase::Use> use_;
  const std::unique_ptr<rocksdb::Iterator> iterator_;
};

class RocksStore final : public Store {
 public:
  RocksStore(const RocksOptions& options, DatabaseParts parts,
             std::unique_ptr<OpenDatabase::Opened> opened)
      : options_(options), parts_(std::move(parts)), database_(std::move(opened)) {}
  RocksStore(const RocksStore&) = delete;
  RocksStore& operator=(const RocksStore&) = delete;
  ~RocksStore() override {
    if (marks_) (void)mark();  // one that is a second old does no harm
  }

  Result<void> write(const WriteBatch& batch) override {
    TRY(use, to_write());
    TRY_VOID(put(use, batch, true));
    acknowledged_ = use.db().GetLatestSequenceNumber();
    return {};
  }

  Result<void> write_unsynced(const WriteBatch& batch) override {
    TRY(use, to_write());
    return put(use, batch, false);
  }

  Result<void> sync() override {
    TRY(use, to_write());
    const auto status = use.db().SyncWAL();
    if (!status.ok()) return refuse(status);
    acknowledged_ = use.db().GetLatestSequenceNumber();
    return {};
  }

  // No compaction can mix segments: their keys do not overlap, so files only move down the levels.
  Result<void> roll_log() override {
    parts_.pace.segment_ended(SystemClock().now());
    const auto use = to_write();
    if (!use && use.error().code == Code::overloaded) return {};  // opening it again ends a segment
    if (!use) return std::unexpected(use.error());
    rocksdb::FlushOptions flush;
    flush.wait = false;
    flush.allow_write_stall = true;
    const std::vector<rocksdb::ColumnFamilyHandle*> families = {(*use)->handle(Family::log),
                                                                (*use)->handle(Family::index)};
    auto status = use->db().Flush(flush, families);
    if (status.IsTryAgain()) {
      // So many segments wait for the disk that writes are stopped. They would wait, not fail.
      flush.wait = true;
      status = use->db().Flush(flush, families);
    }
    if (status.ok() || errors().note(status)) return {};
    return std::unexpected(translate(status, "beginning a segment"));
  }

  Result<void> reclaim(Family family, ByteView from, ByteView to, KeyFilter wanted) override {
    const bool whole = wanted == nullptr;
    TRY(use, to_write());
    // Dropping makes space, so it goes on when there is little.
    if (full_ && !whole) return fail(Code::overloaded, refuses_writes());
    const rocksdb::Slice begin = slice(from);
    const rocksdb::Slice end = slice(to);
    rocksdb::Status status;
    if (whole) {
      status = rocksdb::DeleteFilesInRange(&use.db(), use->handle(family), &begin, &end, false);
      // What is left of it is in files that are new or reach further.
      wanted = [from, to](ByteView key) { return key < from || key >= to; };
    }
    if (status.ok()) status = compact(use, family, begin, end, std::move(wanted));
    if (status.ok()) return {};
    if (status.IsManualCompactionPaused()) return fail(Code::closed, "the store is being closed");
    if (status.IsIOError()) (void)errors().note(status);
    return std::unexpected(translate(status, whole ? "dropping a segment" : "rewriting a segment"));
  }

  void stop_reclaiming() override { closing_ = true; }

  Result<void> housekeep() override {
    look_at_space();
    if (errors().blocked() && !errors().failed() && !full_) go_on();
    return mark();
  }

  Result<NewBackup> backup(const BackupOptions& options, BackupWatch& watch) override {
    TRY(use, database_.use());
    return create_backup(use.db(), options, acknowledged_, watch);
  }

  // What was acknowledged before this start, against what is there. Only a store that passes is
  // marked.
  Result<void> check_mark() {
    TRY(marked, read_mark(options_.path));
    TRY(use, database_.use());
    const std::uint64_t reached = use.db().GetLatestSequenceNumber();
    if (marked) TRY_VOID(check_reached(options_.path, reached, *marked));
    acknowledged_ = reached;
    marked_ = marked;
    marks_ = true;
    return {};
  }

  std::string refuses_writes() const override {
    if (errors().failed()) {
      return fmt::format(
          "the store is read-only after a failed write; the broker must be "
          "restarted ({})",
          errors().failure());
    }
    if (full_) {
      return fmt::format("less than {} bytes are free on the disk of {}",
                         options_.disk_reserve_bytes, options_.path);
    }
    if (errors().blocked()) return fmt::format("the disk of {} is full", options_.path);
    return {};
  }

  Result<std::optional<Buffer>> get(Family family, ByteView key) const override {
    TRY(use, database_.use());
    if (!use->has(family)) return std::nullopt;
    Buffer value;
    const auto status =
        use.db().Get(rocksdb::ReadOptions(), use->handle(family), slice(key), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return std::unexpected(translate(status, "reading the store"));
    return std::optional(std::move(value));
  }

  std::unique_ptr<Cursor> cursor(Family family, std::size_t readahead_bytes) const override {
    auto use = database_.use();
    if (!use) {
      const auto status = rocksdb::Status::IOError(use.error().context);
      return std::make_unique<RocksCursor>(rocksdb::NewErrorIterator(status));
    }
    if (!(*use)->has(family)) return std::make_unique<RocksCursor>(rocksdb::NewEmptyIterator());
    rocksdb::ReadOptions options;
    options.readahead_size = readahead_bytes;
    auto* iterator = use->db().NewIterator(options, (*use)->handle(family));
    return std::make_unique<RocksCursor>(std::move(*use), iterator);
  }

 private:
  using Use = OpenDatabase::Use;

  // Looked at under the use: the database that was opened to read only is a blocked one.
  Result<Use> to_write() const {
    TRY(use, database_.use());
    if (errors().failed()) return fail(Code::storage, refuses_writes());
    if (errors().blocked()) return fail(Code::overloaded, refuses_writes());
    return std::move(use);
  }

  Result<void> put(const Use& use, const WriteBatch& batch, bool sync) {
    rocksdb::WriteBatch rocks(batch.bytes() + 64 * (batch.operations().size() + 1));
    rocksdb::Status status;
    for (const auto& operation : batch.operations()) {
      status = add(use, rocks, operation);
      if (!status.ok()) return refuse(status);
    }
    rocksdb::WriteOptions write;
    write.sync = sync;
    status = use.db().Write(write, &rocks);
    if (!status.ok()) return refuse(status);
    parts_.pace.wrote(batch.bytes());
    unchecked_bytes_ += batch.bytes();
    if (unchecked_bytes_ >= kSpaceCheckedEvery) look_at_space();
    return {};
  }

  // In two steps: RocksDB's own compaction, which keeps everything, may take a new file down while
  // this one waits for it, so what is in the lowest level afterwards is looked at in any case.
  rocksdb::Status compact(const Use& use, Family family, const rocksdb::Slice& begin,
                          const rocksdb::Slice& end, KeyFilter wanted) {
    using Bottommost = rocksdb::BottommostLevelCompaction;
    parts_.unwanted->set(std::move(wanted));
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    options.canceled = &closing_;
    rocksdb::Status status;
    for (const Bottommost step : {Bottommost::kSkip, Bottommost::kForce}) {
      options.bottommost_level_compaction = step;
      if (status.ok()) status = use.db().CompactRange(options, use->handle(family), &begin, &end);
    }
    parts_.unwanted->set(nullptr);
    return status;
  }

  static rocksdb::Status add(const Use& use, rocksdb::WriteBatch& rocks,
                             const WriteBatch::Operation& operation) {
    auto* family = use->handle(operation.family);
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
    if (errors().note(status)) return fail(Code::overloaded, refuses_writes());
    return std::unexpected(translate(status, "writing the store"));
  }

  // The disk was full. What a start does: it replays the log, whose end may be torn in the middle
  // of a write that was not acknowledged, into new files. If these do not fit either, reads go on.
  void go_on() {
    const std::uint64_t met = errors().met();
    if (!has_room()) return;
    Result<void> writable;
    const auto opened = database_.reopen([&] {
      auto again = open_as_it_was();
      if (again || again.error().code != Code::overloaded) return again;
      writable = std::unexpected(again.error());
      return open_to_read(options_.path + "/db", options_.env);
    });
    if (opened && writable) {
      errors().resumed(met);
    } else if (!opened && opened.error().code != Code::overloaded) {
      errors().fail(opened.error().context);
    }
  }

  Result<std::unique_ptr<OpenDatabase::Opened>> open_as_it_was() {
    TRY(opened, open_database(options_, parts_));
    TRY_VOID(check_reached(options_.path, opened->db().GetLatestSequenceNumber(), acknowledged_));
    return std::move(opened);
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
    if (!StoreErrors::passes(status)) (void)errors().note(status);
    return std::unexpected(translate(status, "marking what was acknowledged"));
  }

  StoreErrors& errors() const { return *parts_.errors; }

  void look_at_space() {
    unchecked_bytes_ = 0;
    std::uint64_t free_bytes = 0;
    const auto status = env_of(options_)->GetFreeSpace(options_.path, &free_bytes);
    if (status.ok()) full_ = free_bytes < options_.disk_reserve_bytes;
  }

  const RocksOptions options_;
  DatabaseParts parts_;
  OpenDatabase database_;
  std::atomic<bool> full_ = false;
  std::atomic<bool> closing_ = false;
  std::atomic<std::size_t> unchecked_bytes_ = 0;  // written since the last look at the free space
  std::atomic<std::uint64_t> acknowledged_ = 0;   // RocksDB's sequence number
  bool marks_ = false;
  std::optional<std::uint64_t> marked_;  // used by mark() only
};

}  // namespace

Result<std::unique_ptr<Store>> open_rocks_store(const RocksOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(options.path, error);
  if (error) {
    return fail(Code::storage,
                fmt::format("data_dir {} cannot be created: {}", options.path, error.message()));
  }
  DatabaseParts parts;
  parts.info_log = std::make_shared<InfoLog>(options.path + "/db/LOG");
  TRY(opened, open_database(options, parts));
  auto store = std::make_unique<RocksStore>(options, std::move(parts), std::move(opened));
  TRY_VOID(store->check_mark());
  (void)store->housekeep();  // on a full disk the mark waits, like all writes
  return store;
}

void open_read_only(const std::string& db_dir, rocksdb::Env* env,
                    std::optional<std::uint64_t> acknowledged, ReadOnlyStore& opened) {
  auto database = open_to_read(db_dir, env);
  if (!database) {
    opened.findings.push_back({.file = db_dir, .what = database.error().context});
    return;
  }
  rocksdb::DB& db = (*database)->db();
  if (acknowledged && *acknowledged > db.GetLatestSequenceNumber()) {
    opened.findings.push_back(
        {.file = db_dir,
         .what = fmt::format("it ends at write {}, but {} were acknowledged: a write-ahead log "
                             "was cut or replaced",
                             db.GetLatestSequenceNumber(), *acknowledged)});
  }
  std::vector<rocksdb::LiveFileMetaData> tables;
  db.GetLiveFilesMetaData(&tables);
  for (const auto& table : tables) opened.tables.insert(table.relative_filename);
  opened.store = std::make_unique<RocksStore>(RocksOptions{.path = db_dir}, DatabaseParts(),
                                              std::move(*database));
}

ReadOnlyStore open_rocks_store_read_only(const std::string& data_dir) {
  ReadOnlyStore opened;
  const auto mark = read_mark(data_dir);
  open_read_only(data_dir + "/db", nullptr, mark.value_or(std::nullopt), opened);
  return opened;
}

}  // namespace sluice::broker
