#pragma once
// FaultFiles: the file system under one directory, with what a disk does to a program: any call can
// fail, once or for ever, and a power cut takes back contents that were not synced and creations,
// renames and removals whose directory was not. Handed to the store as a rocksdb::Env; outlives it.
// Thread-safe, because RocksDB writes on threads of its own.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace sluice::tests {

enum class FileCall : unsigned char { create, append, sync, rename, remove, sync_directory };
inline constexpr std::size_t kFileCalls = 6;

struct Fault {
  FileCall call = FileCall::append;
  std::size_t nth = 1;  // of these calls from fail() on; 1 is the next
  bool for_ever = false;
  bool no_space = false;  // ENOSPC, else EIO
  std::string in_file;    // only calls whose path contains it
};

class FaultFiles {
 public:
  explicit FaultFiles(const std::string& directory);
  FaultFiles(const FaultFiles&) = delete;
  FaultFiles& operator=(const FaultFiles&) = delete;
  ~FaultFiles();

  rocksdb::Env* env();

  // Counting begins anew.
  void fail(Fault fault);
  void heal();
  // What was struck: the calls that failed, one a line.
  std::string struck() const;
  // Calls since the last fail() or heal().
  std::size_t calls(FileCall call) const;
  std::size_t calls() const;
  // Appended to files with this extension, such as ".sst", ever.
  std::uint64_t appended_bytes(const std::string& extension) const;

  // What the disk says is free; nothing for the truth.
  void set_free_bytes(std::optional<std::uint64_t> bytes);

  // The power goes before the nth call from now on: nothing reaches the disk any more, every call
  // fails, and what the disk holds lies in `into`. By `seed`, some of what was not synced is there.
  void cut_power(std::size_t nth, const std::string& into, std::uint64_t seed);
  bool cut() const;

 private:
  class Disk;
  class Files;
  class Impatient;
  class FaultEnv;
  std::shared_ptr<Disk> disk_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace sluice::tests
