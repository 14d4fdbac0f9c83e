#include "broker/log/rocks_store_late_logs.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <rocksdb/file_system.h>

namespace sluice::broker {
namespace {

using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

// Used by one thread at a time, as every log is.
class LateFile final : public FSWritableFile {
 public:
  LateFile(rocksdb::FileSystem& files, std::string path, const rocksdb::FileOptions& options)
      : FSWritableFile(options), files_(files), path_(std::move(path)), file_options_(options) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    if (!file_) {
      auto status = files_.NewWritableFile(path_, file_options_, &file_, debug);
      if (!status.ok()) return status;
    }
    return file_->Append(data, options, debug);
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo&, IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    return file_ ? file_->Truncate(size, options, debug) : IOStatus::OK();
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    return file_ ? file_->Close(options, debug) : IOStatus::OK();
  }
  IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
    return file_ ? file_->Flush(options, debug) : IOStatus::OK();
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return file_ ? file_->Sync(options, debug) : IOStatus::OK();
  }
  // Else RocksDB does not sync it after the write (DBImpl::SyncWAL). It never does so beside one:
  // the store has one writer, and logs that are synced in the background are closed.
  bool IsSyncThreadSafe() const override { return true; }
  std::uint64_t GetFileSize(const IOOptions& options, IODebugContext* debug) override {
    return file_ ? file_->GetFileSize(options, debug) : 0;
  }

 private:
  rocksdb::FileSystem& files_;
  const std::string path_;
  const rocksdb::FileOptions file_options_;
  std::unique_ptr<FSWritableFile> file_;
};

class Files final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "LateLogs"; }

  IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                           std::unique_ptr<FSWritableFile>* made, IODebugContext* debug) override {
    auto status = target()->NewWritableFile(path, options, made, debug);
    if (!status.IsNoSpace() || !path.ends_with(".log")) return status;
    *made = std::make_unique<LateFile>(*target(), path, options);
    return IOStatus::OK();
  }
};

}  // namespace

LateLogs::LateLogs(rocksdb::Env* files) : EnvWrapper(files) {
  file_system_ = std::make_shared<Files>(files->GetFileSystem());
}

}  // namespace sluice::broker
