#include "tests/support/fault_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/system_clock.h>

#include "shared/base/check.h"
#include "shared/base/random.h"

namespace sluice::tests {

namespace fs = std::filesystem;
using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

namespace {

const char* doing(FileCall call) {
  switch (call) {
    case FileCall::create:
      return "While open a file for appending";
    case FileCall::append:
      return "While appending to file";
    case FileCall::sync:
      return "While fdatasync";
    case FileCall::rename:
      return "While renaming a file to";
    case FileCall::remove:
      return "while unlink() file";
    case FileCall::sync_directory:
      return "While fsync directory";
  }
  return "";
}

}  // namespace

// What is on it, and what of that would survive. Everything under one lock.
class FaultFiles::Disk {
 public:
  // One file, whatever its name.
  struct File {
    std::string stored_at;  // where its contents are now
    std::uint64_t synced = 0;
  };

  explicit Disk(std::string directory)
      : directory_(std::move(directory)), attic_(directory_ + ".attic") {
    fs::create_directories(attic_);
    for (const auto& entry : fs::recursive_directory_iterator(directory_)) {
      if (!entry.is_regular_file()) continue;
      auto file = std::make_shared<File>(entry.path().string(), entry.file_size());
      live_[entry.path().string()] = file;
      durable_[entry.path().string()] = file;
    }
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk() {
    std::error_code ignored;
    fs::remove_all(attic_, ignored);
  }

  // Every call asks first. An error is the answer.
  IOStatus ask(FileCall call, const std::string& path) {
    if (cut_) return IOStatus::IOError(path, "the power is gone");
    ++calls_[static_cast<std::size_t>(call)];
    if (cut_at_ > 0 && --cut_at_ == 0) {
      cut();
      return IOStatus::IOError(path, "the power is gone");
    }
    if (!fault_ || fault_->call != call || path.find(fault_->in_file) == std::string::npos) {
      return IOStatus::OK();
    }
    ++matched_;
    if (matched_ != fault_->nth && !(fault_->for_ever && matched_ > fault_->nth)) {
      return IOStatus::OK();
    }
    if (struck_.size() < 1'000) struck_ += std::string(doing(call)) + ": " + path + "\n";
    const std::string text = std::string(doing(call)) + ": " + path;
    return fault_->no_space ? IOStatus::NoSpace(text, "No space left on device")
                            : IOStatus::IOError(text, "Input/output error");
  }

  std::shared_ptr<File> create(const std::string& path) {
    forget(path);
    auto file = std::make_shared<File>(path);
    live_[path] = file;
    pending_.push_back({.path = path, .file = file});
    return file;
  }
  std::shared_ptr<File> find(const std::string& path) {
    const auto found = live_.find(path);
    return found == live_.end() ? nullptr : found->second;
  }
  // Its contents stay, for the case that the name is taken back.
  void forget(const std::string& path) {
    const auto found = live_.find(path);
    if (found == live_.end()) return;
    const std::string kept = attic_ + "/" + std::to_string(next_kept_++);
    std::error_code error;
    fs::create_hard_link(path, kept, error);
    CHECK(!error);
    found->second->stored_at = kept;
    live_.erase(found);
  }
  void removed(const std::string& path) { pending_.push_back({.path = path}); }
  void renamed(const std::string& from, const std::string& to) {
    auto file = live_.extract(from).mapped();
    file->stored_at = to;
    live_[to] = file;
    pending_.push_back({.path = to, .file = file, .from = from});
  }
  void synced_directory(const std::string& directory) {
    std::vector<Change> left;
    for (Change& change : pending_) {
      if (fs::path(change.path).parent_path() == directory) {
        apply(change, durable_);
      } else {
        left.push_back(std::move(change));
      }
    }
    pending_ = std::move(left);
  }

  std::mutex mutex;
  std::optional<Fault> fault_;
  std::size_t matched_ = 0;
  std::map<std::string, std::uint64_t> appended_;  // by extension
  std::string struck_;
  std::array<std::size_t, kFileCalls> calls_{};
  std::optional<std::uint64_t> free_bytes_;
  std::size_t cut_at_ = 0;
  std::string cut_into_;
  std::uint64_t cut_seed_ = 0;
  bool cut_ = false;
  const std::string directory_;

 private:
  using Names = std::map<std::string, std::shared_ptr<File>>;
  // Of a directory, and not synced: `path` is this file now, or nothing; `from` is not any more.
  struct Change {
    std::string path;
    std::shared_ptr<File> file;
    std::string from;
  };

  static void apply(const Change& change, Names& names) {
    if (!change.from.empty()) names.erase(change.from);
    if (change.file) {
      names[change.path] = change.file;
    } else {
      names.erase(change.path);
    }
  }

  // Directories change in order, so a first part of what was not synced may be there, and of each
  // file's contents too.
  void cut() {
    cut_ = true;
    SeededRandom random(cut_seed_);
    Names names = durable_;
    const std::uint64_t applied = random.below(2) == 0 ? 0 : random.below(pending_.size() + 1);
    for (std::size_t i = 0; i < applied; ++i) apply(pending_[i], names);
    for (const auto& [path, file] : names) {
      std::ifstream in(file->stored_at, std::ios::binary);
      std::string bytes{std::istreambuf_iterator<char>(in), {}};
      const std::uint64_t more = bytes.size() - std::min<std::uint64_t>(bytes.size(), file->synced);
      const bool some = random.below(2) == 0;
      bytes.resize(bytes.size() - more + (some ? random.below(more + 1) : 0));
      const fs::path into = fs::path(cut_into_) / fs::relative(path, directory_);
      fs::create_directories(into.parent_path());
      std::ofstream(into, std::ios::binary) << bytes;
    }
  }

  const std::string attic_;
  Names live_;
  Names durable_;
  std::vector<Change> pending_;
  std::size_t next_kept_ = 0;
};

class FaultFiles::Files final : public rocksdb::FileSystemWrapper {
 public:
  explicit Files(std::shared_ptr<Disk> disk)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), disk_(std::move(disk)) {}

  const char* Name() const override { return "FaultFiles"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* made,
                           IODebugContext* debug) override {
    const std::lock_guard lock(disk_->mutex);
    if (auto status = disk_->ask(FileCall::create, path); !status.ok()) return status;
    auto file = disk_->create(path);
    std::error_code ignored;
    fs::remove(path, ignored);
    auto status = target()->NewWritableFile(path, options, made, debug);
    if (status.ok()) *made = std::make_unique<Written>(std::move(*made), path, file, disk_);
    return status;
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* made,
                              IODebugContext* debug) override {
    const std::lock_guard lock(disk_->mutex);
    auto file = disk_->find(path);
    if (auto status = disk_->ask(FileCall::create, path); !status.ok()) return status;
    if (!file) file = disk_->create(path);
    auto status = target()->ReopenWritableFile(path, options, made, debug);
    if (status.ok()) *made = std::make_unique<Written>(std::move(*made), path, file, disk_);
    return status;
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* made,
                        IODebugContext* debug) override {
    auto status = target()->NewDirectory(path, options, made, debug);
    if (status.ok()) *made = std::make_unique<Directory>(path, disk_);
    return status;
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& options,
                      IODebugContext* debug) override {
    const std::lock_guard lock(disk_->mutex);
    if (!disk_->find(path)) return target()->DeleteFile(path, options, debug);
    if (auto status = disk_->ask(FileCall::remove, path); !status.ok()) return status;
    disk_->forget(path);
    disk_->removed(path);
    return target()->DeleteFile(path, options, debug);
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    const std::lock_guard lock(disk_->mutex);
    if (!disk_->find(from)) return target()->RenameFile(from, to, options, debug);
    if (auto status = disk_->ask(FileCall::rename, to); !status.ok()) return status;
    disk_->forget(to);
    disk_->renamed(from, to);
    return target()->RenameFile(from, to, options, debug);
  }
  IOStatus GetFreeSpace(const std::string& path, const IOOptions& options, std::uint64_t* bytes,
                        IODebugContext* debug) override {
    const std::lock_guard lock(disk_->mutex);
    if (!disk_->free_bytes_) return target()->GetFreeSpace(path, options, bytes, debug);
    *bytes = *disk_->free_bytes_;
    return IOStatus::OK();
  }

 private:
  class Written final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    Written(std::unique_ptr<rocksdb::FSWritableFile> file, std::string path,
            std::shared_ptr<Disk::File> state, std::shared_ptr<Disk> disk)
        : FSWritableFileOwnerWrapper(std::move(file)),
          path_(std::move(path)),
          state_(std::move(state)),
          disk_(std::move(disk)) {}

    IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
      const std::lock_guard lock(disk_->mutex);
      if (auto status = disk_->ask(FileCall::append, path_); !status.ok()) {
        // What failed may have been begun.
        if (!disk_->cut_) (void)target()->Append({data.data(), data.size() / 2}, options, debug);
        return status;
      }
      disk_->appended_[fs::path(path_).extension()] += data.size();
      return target()->Append(data, options, debug);
    }
    IOStatus Append(const Slice& data, const IOOptions& options,
                    const rocksdb::DataVerificationInfo&, IODebugContext* debug) override {
      return Append(data, options, debug);
    }
    // Nothing is asked of the real disk: what a power cut takes is decided here.
    IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
      const std::lock_guard lock(disk_->mutex);
      if (auto status = disk_->ask(FileCall::sync, path_); !status.ok()) return status;
      state_->synced = target()->GetFileSize(options, debug);
      return IOStatus::OK();
    }
    IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
      return Sync(options, debug);
    }
    IOStatus RangeSync(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override {
      return IOStatus::OK();
    }

   private:
    const std::string path_;
    const std::shared_ptr<Disk::File> state_;
    const std::shared_ptr<Disk> disk_;
  };

  class Directory final : public rocksdb::FSDirectory {
   public:
    Directory(std::string path, std::shared_ptr<Disk> disk)
        : path_(std::move(path)), disk_(std::move(disk)) {
      if (path_.ends_with('/')) path_.pop_back();
    }
    IOStatus Fsync(const IOOptions&, IODebugContext*) override {
      const std::lock_guard lock(disk_->mutex);
      if (auto status = disk_->ask(FileCall::sync_directory, path_); !status.ok()) return status;
      disk_->synced_directory(path_);
      return IOStatus::OK();
    }

   private:
    std::string path_;
    const std::shared_ptr<Disk> disk_;
  };

  const std::shared_ptr<Disk> disk_;
};

// After an error RocksDB's threads pause for a second, which a sweep does not wait for.
class FaultFiles::Impatient final : public rocksdb::SystemClockWrapper {
 public:
  Impatient() : SystemClockWrapper(rocksdb::SystemClock::Default()) {}
  const char* Name() const override { return "Impatient"; }
  void SleepForMicroseconds(int micros) override {
    SystemClockWrapper::SleepForMicroseconds(std::min(micros, 10'000));
  }
};

class FaultFiles::FaultEnv final : public rocksdb::EnvWrapper {
 public:
  explicit FaultEnv(const std::shared_ptr<Disk>& disk)
      : EnvWrapper(rocksdb::NewCompositeEnv(std::make_shared<Files>(disk))) {
    system_clock_ = std::make_shared<Impatient>();
  }
  void SleepForMicroseconds(int micros) override { system_clock_->SleepForMicroseconds(micros); }
};

FaultFiles::FaultFiles(const std::string& directory)
    : disk_(std::make_shared<Disk>(directory)), env_(std::make_unique<FaultEnv>(disk_)) {}
FaultFiles::~FaultFiles() = default;

rocksdb::Env* FaultFiles::env() {
  return env_.get();
}

void FaultFiles::fail(Fault fault) {
  const std::lock_guard lock(disk_->mutex);
  disk_->fault_ = std::move(fault);
  disk_->matched_ = 0;
  disk_->struck_.clear();
  disk_->calls_ = {};
}

void FaultFiles::heal() {
  const std::lock_guard lock(disk_->mutex);
  disk_->fault_.reset();
  disk_->calls_ = {};
}

std::string FaultFiles::struck() const {
  const std::lock_guard lock(disk_->mutex);
  return disk_->struck_;
}

std::size_t FaultFiles::calls(FileCall call) const {
  const std::lock_guard lock(disk_->mutex);
  return disk_->calls_[static_cast<std::size_t>(call)];
}

std::size_t FaultFiles::calls() const {
  const std::lock_guard lock(disk_->mutex);
  std::size_t all = 0;
  for (const std::size_t calls : disk_->calls_) all += calls;
  return all;
}

std::uint64_t FaultFiles::appended_bytes(const std::string& extension) const {
  const std::lock_guard lock(disk_->mutex);
  return disk_->appended_[extension];
}

void FaultFiles::set_free_bytes(std::optional<std::uint64_t> bytes) {
  const std::lock_guard lock(disk_->mutex);
  disk_->free_bytes_ = bytes;
}

void FaultFiles::cut_power(std::size_t nth, const std::string& into, std::uint64_t seed) {
  const std::lock_guard lock(disk_->mutex);
  disk_->cut_at_ = nth;
  disk_->cut_into_ = into;
  disk_->cut_seed_ = seed;
}

bool FaultFiles::cut() const {
  const std::lock_guard lock(disk_->mutex);
  return disk_->cut_;
}

}  // namespace sluice::tests
