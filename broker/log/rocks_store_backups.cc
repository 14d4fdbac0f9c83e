#include "broker/log/rocks_store_backups.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/env.h>
#include <rocksdb/utilities/backup_engine.h>

#include "broker/log/rocks_store_database.h"
#include "broker/log/rocks_store_mark.h"

namespace sluice::broker {
namespace {

namespace fs = std::filesystem;
using rocksdb::BackupEngine;
using rocksdb::BackupEngineReadOnly;

// What a backup's own note begins with; the number behind it is what it reaches at least.
constexpr std::string_view kNote = "acknowledged=";

Error translate_backup(const rocksdb::IOStatus& status, const std::string& doing) {
  if (status.IsNotFound()) return {Code::not_found, fmt::format("{}: there is none", doing)};
  if (status.IsIncomplete()) return {Code::closed, fmt::format("{}: it was cancelled", doing)};
  return translate(status, doing);
}

BackupInfo info_of(const rocksdb::BackupInfo& backup) {
  return {.id = backup.backup_id,
          .created_at = backup.timestamp * 1000,
          .bytes = backup.size,
          .files = backup.number_files};
}

std::optional<std::uint64_t> reached_by(const rocksdb::BackupInfo& backup) {
  const std::string& note = backup.app_metadata;
  if (!note.starts_with(kNote)) return std::nullopt;
  std::uint64_t reached = 0;
  const char* end = note.data() + note.size();
  const auto [stopped, error] = std::from_chars(note.data() + kNote.size(), end, reached);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return reached;
}

Result<std::unique_ptr<BackupEngine>> open_to_write(const BackupOptions& options) {
  rocksdb::BackupEngineOptions engine_options(options.directory);
  engine_options.backup_rate_limit = options.bytes_per_second;
  std::error_code error;
  fs::create_directories(options.directory, error);
  if (error) {
    return fail(Code::storage, fmt::format("backup_dir {} cannot be created: {}", options.directory,
                                           error.message()));
  }
  BackupEngine* engine = nullptr;
  const auto status = BackupEngine::Open(engine_options, rocksdb::Env::Default(), &engine);
  if (status.ok()) return std::unique_ptr<BackupEngine>(engine);
  return std::unexpected(
      translate_backup(status, fmt::format("opening backup_dir {}", options.directory)));
}

// Null when there is no such directory: opening it would make one.
Result<std::unique_ptr<BackupEngineReadOnly>> open_to_read(const std::string& directory) {
  std::error_code error;
  if (!fs::is_directory(directory + "/meta", error)) return nullptr;
  // What it gives to open a backup with takes a relative path for an attempt to write.
  const fs::path path = fs::absolute(directory, error);
  if (error) {
    return fail(Code::io, fmt::format("{} has no absolute path: {}", directory, error.message()));
  }
  BackupEngineReadOnly* engine = nullptr;
  const auto status = BackupEngineReadOnly::Open(rocksdb::BackupEngineOptions(path),
                                                 rocksdb::Env::Default(), &engine);
  if (status.ok()) return std::unique_ptr<BackupEngineReadOnly>(engine);
  return std::unexpected(translate_backup(status, fmt::format("opening backups {}", directory)));
}

std::uint64_t bytes_in(const std::string& directory) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code gone;  // a file may go while it is looked at
    const auto size = entry->is_regular_file(gone) ? entry->file_size(gone) : 0;
    if (!gone) bytes += size;
  }
  return bytes;
}

struct Chosen {
  std::unique_ptr<BackupEngineReadOnly> engine;
  rocksdb::BackupInfo backup;
};

Result<Chosen> choose(const std::string& directory, std::optional<std::uint32_t> id) {
  TRY(engine, open_to_read(directory));
  if (!engine) return fail(Code::not_found, fmt::format("there are no backups in {}", directory));
  Chosen chosen;
  const auto status = id ? engine->GetBackupInfo(*id, &chosen.backup, true)
                         : engine->GetLatestBackupInfo(&chosen.backup, true);
  if (!status.ok()) {
    const std::string name = id ? fmt::format("backup {}", *id) : std::string("the newest backup");
    if (status.IsNotFound()) {
      return fail(Code::not_found, fmt::format("{} is not in {}", name, directory));
    }
    return std::unexpected(translate(status, fmt::format("reading {} of {}", name, directory)));
  }
  chosen.engine = std::move(engine);
  return chosen;
}

Result<void> check_empty(const std::string& data_dir) {
  std::error_code error;
  if (!fs::exists(data_dir, error)) return {};
  const bool empty = fs::is_empty(data_dir, error);
  if (error) {
    return fail(Code::io, fmt::format("{} cannot be read: {}", data_dir, error.message()));
  }
  if (empty) return {};
  return fail(Code::exists, fmt::format("{} is not empty: a restore writes only where there is "
                                        "nothing; move it away or name another",
                                        data_dir));
}

}  // namespace

Result<NewBackup> create_backup(rocksdb::DB& db, const BackupOptions& options,
                                std::uint64_t acknowledged, BackupWatch& watch) {
  TRY(engine, open_to_write(options));
  const std::uint64_t before = bytes_in(options.directory);
  rocksdb::BackupEngineOptions defaults(options.directory);
  rocksdb::CreateBackupOptions create;
  create.progress_callback = [&] {
    watch.copied_bytes += defaults.callback_trigger_interval_size;
    if (watch.cancel) engine->StopBackup();
  };
  rocksdb::BackupID id = 0;
  const auto status = engine->CreateNewBackupWithMetadata(
      create, &db, fmt::format("{}{}", kNote, acknowledged), &id);
  if (!status.ok()) return std::unexpected(translate_backup(status, "making a backup"));
  rocksdb::BackupInfo made;
  if (const auto read = engine->GetBackupInfo(id, &made); !read.ok()) {
    return std::unexpected(translate(read, "reading the new backup"));
  }
  const std::uint64_t after = bytes_in(options.directory);
  return NewBackup{info_of(made), after - std::min(before, after)};
}

Result<std::vector<BackupInfo>> list_backups(const std::string& directory) {
  TRY(engine, open_to_read(directory));
  std::vector<BackupInfo> list;
  if (!engine) return list;
  std::vector<rocksdb::BackupInfo> backups;
  engine->GetBackupInfo(&backups);
  for (const auto& backup : backups) list.push_back(info_of(backup));
  std::ranges::sort(list, {}, &BackupInfo::id);
  return list;
}

Result<void> delete_backup(const std::string& directory, std::uint32_t id) {
  TRY(engine, open_to_write({.directory = directory}));
  const auto status = engine->DeleteBackup(id);
  if (status.ok()) return {};
  return std::unexpected(translate_backup(status, fmt::format("deleting backup {}", id)));
}

Result<BackupInfo> restore_backup(const std::string& directory, std::optional<std::uint32_t> id,
                                  const std::string& data_dir) {
  TRY(chosen, choose(directory, id));
  TRY_VOID(check_empty(data_dir));
  const BackupInfo info = info_of(chosen.backup);
  std::error_code error;
  const bool was_there = fs::exists(data_dir, error);
  fs::create_directories(data_dir, error);
  if (error) {
    return fail(Code::io, fmt::format("{} cannot be created: {}", data_dir, error.message()));
  }
  // Under another name until it is whole, so that no broker takes half of it for a database.
  const std::string partial = data_dir + "/db.restoring";
  auto restored = chosen.engine->RestoreDBFromBackup(info.id, partial, partial);
  Result<void> marked;
  if (restored.ok()) {
    // A backup has none, and another database's would be wrong.
    auto* env = rocksdb::Env::Default();
    restored = rocksdb::status_to_io_status(
        rocksdb::WriteStringToFile(env, env->GenerateUniqueId(), partial + "/IDENTITY", true));
  }
  if (restored.ok()) {
    if (const auto reached = reached_by(chosen.backup)) {
      const auto status = write_mark(rocksdb::Env::Default(), data_dir, *reached);
      if (!status.ok()) marked = std::unexpected(translate(status, "marking what it reaches"));
    }
    fs::rename(partial, data_dir + "/db", error);
    if (marked && !error) return info;
  }
  std::error_code ignored;
  fs::remove_all(partial, ignored);
  fs::remove(mark_path(data_dir), ignored);
  if (!was_there) fs::remove(data_dir, ignored);
  if (!restored.ok()) {
    return std::unexpected(translate_backup(restored, fmt::format("restoring backup {}", info.id)));
  }
  if (!marked) return std::unexpected(marked.error());
  return fail(Code::io, fmt::format("{} cannot be renamed: {}", partial, error.message()));
}

Result<OpenBackup> open_backup(const std::string& directory, std::optional<std::uint32_t> id) {
  TRY(chosen, choose(directory, id));
  OpenBackup open{.info = info_of(chosen.backup), .read = {}};
  if (const auto status = chosen.engine->VerifyBackup(open.info.id, true); !status.ok()) {
    open.read.findings.push_back({.file = directory, .what = status.ToString()});
  }
  const auto reached = reached_by(chosen.backup);
  open_read_only(chosen.backup.name_for_open, chosen.backup.env_for_open.get(), reached, open.read);
  open.read.files = chosen.backup.env_for_open;
  return open;
}

}  // namespace sluice::broker
