#pragma once
// The files of a data directory, looked at without opening the database: is everything there, do
// all checksums match. A start does the quick part of it first, so that what is refused was not
// changed; `sluicectl verify` does all of it.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "broker/log/finding.h"
#include "broker/log/rocks_store.h"
#include "shared/base/result.h"

namespace sluice::broker {

// RocksDB's lock of a directory, held by this process until the object is gone.
class DirectoryLock {
 public:
  // Code::unavailable: a broker holds it. Nothing is created; a directory without a lock file, or
  // on a disk that takes no writes, has nobody to be kept out.
  static Result<DirectoryLock> take(const std::string& data_dir);
  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();

 private:
  struct Held;
  explicit DirectoryLock(std::unique_ptr<Held> held);
  std::unique_ptr<Held> held_;
};

struct FilesReport {
  std::uint64_t tables = 0;
  std::uint64_t table_bytes = 0;
  std::uint64_t logs = 0;
  std::uint64_t log_bytes = 0;
  std::uint64_t log_writes = 0;
  std::vector<Finding> findings;
};

// What a start needs to be whole: CURRENT, the MANIFEST it names, the write-ahead logs and how far
// they reach against `acknowledged`. A directory in which nothing was ever stored has no findings.
// REQUIRES: nobody writes to it.
FilesReport check_start_files(const std::string& data_dir);

// The above, every table file's checksums, and the files that only help. `opened`: the same
// directory, which tells the table files that count, if it could be opened.
FilesReport check_files(const std::string& data_dir, const ReadOnlyStore& opened);

}  // namespace sluice::broker
