#include "broker/log/rocks_store_files.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include "broker/log/log_file_check.h"
#include "broker/log/rocks_store_database.h"
#include "broker/log/rocks_store_mark.h"

namespace sluice::broker {
namespace {

namespace fs = std::filesystem;

// "000012.log" -> 12, for the given suffix.
std::optional<std::uint64_t> number_of(const std::string& name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  std::uint64_t number = 0;
  const char* end = name.data() + name.size() - suffix.size();
  const auto [stopped, error] = std::from_chars(name.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

struct Listing {
  std::vector<std::pair<std::uint64_t, std::string>> logs;  // by number
  std::vector<std::string> tables;
  bool current = false;
  bool identity = false;
  bool options = false;
};

Listing list(const std::string& db_dir) {
  Listing listing;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(db_dir, error)) {
    const std::string name = entry.path().filename();
    if (const auto number = number_of(name, ".log")) {
      listing.logs.emplace_back(*number, entry.path());
    } else if (number_of(name, ".sst")) {
      listing.tables.push_back(entry.path());
    }
    listing.current = listing.current || name == "CURRENT";
    listing.identity = listing.identity || name == "IDENTITY";
    listing.options = listing.options || name.starts_with("OPTIONS-");
  }
  std::ranges::sort(listing.logs);
  std::ranges::sort(listing.tables);
  return listing;
}

class FileCheck {
 public:
  explicit FileCheck(std::string data_dir)
      : data_dir_(std::move(data_dir)), db_dir_(data_dir_ + "/db"), listing_(list(db_dir_)) {}

  void check_start() {
    const auto mark = read_mark(data_dir_);
    if (!mark) {
      found({.file = mark_path(data_dir_),
             .what = "it does not hold what was written to it, so whether the write-ahead log is "
                     "complete cannot be told; to go on without that check, remove it"});
    }
    if (!check_current(mark && *mark)) return;
    check_logs();
    if (mark && *mark) check_end(**mark);
  }

  void check_rest(const ReadOnlyStore& opened) {
    for (const std::string& table : listing_.tables) {
      const bool counts = !opened.store || opened.tables.contains(fs::path(table).filename());
      if (counts) check_table(table);
    }
    if (!listing_.current) return;
    std::error_code error;
    if (!fs::exists(mark_path(data_dir_), error)) {
      helper(mark_path(data_dir_),
             "it is missing, so whether the write-ahead log is complete "
             "cannot be told; the next start writes it");
    }
    check_identity();
    if (!listing_.options) {
      helper(db_dir_ + "/OPTIONS-*", "it is missing; not needed, the next start writes it");
    }
  }

  FilesReport take() { return std::move(report_); }

 private:
  void found(Finding finding) { report_.findings.push_back(std::move(finding)); }
  void helper(std::string file, std::string what) {
    found({.warning = true, .file = std::move(file), .what = std::move(what)});
  }

  // False: there is nothing further to look at.
  bool check_current(bool marked) {
    const std::string current = db_dir_ + "/CURRENT";
    if (!listing_.current) {
      // RocksDB would take the directory for a new one and remove the files that are in it.
      if (marked || !listing_.logs.empty() || !listing_.tables.empty()) {
        found({.file = current, .what = "it is missing, but there is stored data"});
      }
      return false;
    }
    std::ifstream in(current, std::ios::binary);
    std::string name(64, '\0');
    in.read(name.data(), static_cast<std::streamsize>(name.size()));
    name.resize(static_cast<std::size_t>(in.gcount()));
    if (!name.starts_with("MANIFEST-") || !name.ends_with('\n')) {
      found({.file = current, .what = "it does not name a MANIFEST"});
      return true;
    }
    name.pop_back();
    const std::string manifest = db_dir_ + "/" + name;
    std::error_code error;
    if (!fs::is_regular_file(manifest, error)) {
      found({.file = manifest, .what = "CURRENT names it, but it is missing"});
      return true;
    }
    const auto check = walk(manifest, LogFileCheck::Kind::manifest);
    if (check && check->records() == 0 && !check->damage()) {
      found({.file = manifest, .what = "there is nothing in it"});
    }
    return true;
  }

  std::optional<LogFileCheck> walk(const std::string& path, LogFileCheck::Kind kind) {
    LogFileCheck check(kind);
    std::ifstream in(path, std::ios::binary);
    Buffer block(LogFileCheck::kBlockBytes, '\0');
    while (in) {
      in.read(block.data(), static_cast<std::streamsize>(block.size()));
      const auto got = static_cast<std::size_t>(in.gcount());
      const bool last = in.peek() == std::ifstream::traits_type::eof();
      check.add(ByteView(block).substr(0, got), last);
      if (last) break;
    }
    if (in.bad() || check.bytes() == 0) {
      std::error_code error;
      if (fs::file_size(path, error) > 0 || error) {
        found({.file = path, .what = "it cannot be read"});
        return std::nullopt;
      }
    }
    if (const auto& damage = check.damage()) {
      found({.file = path, .at = static_cast<std::int64_t>(damage->at), .what = damage->what});
    }
    return check;
  }

  void check_logs() {
    for (const auto& [number, path] : listing_.logs) {
      const auto check = walk(path, LogFileCheck::Kind::write_ahead);
      end_.reset();
      if (!check) continue;
      report_.logs += 1;
      report_.log_bytes += check->bytes();
      report_.log_writes += check->records();
      // A log that is missing, or one before the last that is short, RocksDB notices itself: the
      // MANIFEST knows their sizes. Logs whose removal a crash cut short may have gaps between.
      if (!check->damage() && check->first_sequence()) end_ = check->next_sequence();
    }
  }

  // When the last log is empty RocksDB has to say where it ends, once it is open.
  void check_end(std::uint64_t acknowledged) {
    if (!end_ || *end_ > acknowledged) return;
    found({.file = listing_.logs.back().second,
           .what = fmt::format("it ends at write {}, but {} were acknowledged: it was cut or "
                               "replaced; to go on without what is lost, remove {}",
                               *end_ - 1, acknowledged, mark_path(data_dir_))});
  }

  void check_table(const std::string& path) {
    std::error_code error;
    report_.tables += 1;
    report_.table_bytes += fs::file_size(path, error);
    rocksdb::SstFileReader reader{rocksdb::Options()};
    auto status = reader.Open(path);
    if (status.ok()) status = reader.VerifyChecksum();
    if (!status.ok()) found({.file = path, .what = status.ToString()});
  }

  // 36 characters of a UUID.
  void check_identity() {
    const std::string path = db_dir_ + "/IDENTITY";
    if (!listing_.identity) {
      return helper(path, "it is missing; not needed, the next start writes it");
    }
    std::ifstream in(path, std::ios::binary);
    std::string id;
    std::getline(in, id);
    const bool is_uuid = id.size() == 36 && std::ranges::all_of(id, [](char c) {
                           return c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                         });
    if (!is_uuid) helper(path, "it does not hold a UUID; it is not needed");
  }

  const std::string data_dir_;
  const std::string db_dir_;
  const Listing listing_;
  FilesReport report_;
  std::optional<std::uint64_t> end_;  // what follows the last log's last write
};

}  // namespace

struct DirectoryLock::Held {
  rocksdb::FileLock* lock = nullptr;
};

DirectoryLock::DirectoryLock(std::unique_ptr<Held> held) : held_(std::move(held)) {}
DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept = default;
DirectoryLock::~DirectoryLock() {
  if (held_ && held_->lock != nullptr) (void)rocksdb::Env::Default()->UnlockFile(held_->lock);
}

Result<DirectoryLock> DirectoryLock::take(const std::string& data_dir) {
  const std::string path = data_dir + "/db/LOCK";
  auto held = std::make_unique<Held>();
  std::error_code error;
  if (!fs::exists(path, error)) return DirectoryLock(std::move(held));
  const auto status = rocksdb::Env::Default()->LockFile(path, &held->lock);
  if (status.ok() || !fs::exists(path, error)) return DirectoryLock(std::move(held));
  const std::string text = status.ToString();
  if (text.find("ead-only file system") != std::string::npos) {
    return DirectoryLock(std::move(held));
  }
  if (text.find("ermission denied") != std::string::npos) {
    return fail(Code::storage, fmt::format("data_dir {} cannot be locked: {}", data_dir, text));
  }
  return std::unexpected(in_use_error(data_dir, status));
}

FilesReport check_start_files(const std::string& data_dir) {
  FileCheck check(data_dir);
  check.check_start();
  return check.take();
}

FilesReport check_files(const std::string& data_dir, const ReadOnlyStore& opened) {
  FileCheck check(data_dir);
  check.check_start();
  check.check_rest(opened);
  return check.take();
}

}  // namespace sluice::broker
