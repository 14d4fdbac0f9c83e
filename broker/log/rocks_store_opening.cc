#include "broker/log/rocks_store_opening.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <rocksdb/options.h>

#include "broker/log/rocks_store_database.h"
#include "broker/log/rocks_store_files.h"
#include "broker/log/rocks_store_mark.h"
#include "broker/log/rocks_store_options.h"

namespace sluice::broker {
namespace {

std::string damaged_text(const std::string& path, std::string_view what) {
  return fmt::format(
      "data_dir {} is damaged and was not opened: {}. 'sluicectl verify' lists all "
      "damage; restore a backup, or move the directory away to start empty",
      path, what);
}

Error open_error(const rocksdb::Status& status, const std::string& path) {
  const std::string text = status.ToString();
  if (status.IsNoSpace()) {
    return {Code::overloaded,
            fmt::format("the disk of data_dir {} is full: a start needs space for "
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

Result<std::unique_ptr<OpenDatabase::Opened>> open_database(const RocksOptions& options,
                                                            const DatabaseParts& parts) {
  TRY_VOID(check_before_open(options.path));
  rocksdb::Options database = database_options(options);
  database.info_log = parts.info_log;
  database.listeners.push_back(parts.errors);
  parts.pace.apply(database);
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const auto status = rocksdb::DB::Open(database, options.path + "/db",
                                        families(options, parts.unwanted), &handles, &db);
  if (!status.ok()) return std::unexpected(open_error(status, options.path));
  return std::make_unique<OpenDatabase::Opened>(db, std::move(handles));
}

Result<std::unique_ptr<OpenDatabase::Opened>> open_to_read(const std::string& db_dir,
                                                           rocksdb::Env* env) {
  const RocksOptions options{.path = db_dir, .env = env};
  rocksdb::Options database = database_options(options);
  database.create_if_missing = false;  // true makes the directory even here
  database.info_log = std::make_shared<SilentLogger>();
  auto wanted = families(options, nullptr);
  std::vector<std::string> present;
  const bool listed = rocksdb::DB::ListColumnFamilies(database, db_dir, &present).ok();
  while (listed && std::ranges::find(present, wanted.back().name) == present.end()) {
    wanted.pop_back();
  }
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const auto status = rocksdb::DB::OpenForReadOnly(database, db_dir, wanted, &handles, &db);
  if (status.ok()) return std::make_unique<OpenDatabase::Opened>(db, std::move(handles));
  return fail(status.IsCorruption() ? Code::corrupt : Code::storage,
              fmt::format("the database cannot be opened, so its records were not looked at: {}",
                          status.ToString()));
}

Result<void> check_reached(const std::string& data_dir, std::uint64_t reached,
                           std::uint64_t acknowledged) {
  if (reached >= acknowledged) return {};
  return fail(Code::corrupt,
              fmt::format("data_dir {} is damaged: it ends at write {}, but {} were "
                          "acknowledged: a write-ahead log file was cut or replaced. Restore a "
                          "backup; to go on without what is lost, remove {}",
                          data_dir, reached, acknowledged, mark_path(data_dir)));
}

}  // namespace sluice::broker
