#pragma once
// InfoLog: RocksDB's own messages, warnings and worse, in a small text file beside the database. It
// stands in for RocksDB's file, which aborts the process when the disk is full. What cannot be
// written is not. Thread-safe.

#include <cstdarg>
#include <cstddef>
#include <mutex>
#include <string>

#include <rocksdb/env.h>

namespace sluice::broker {

class InfoLog final : public rocksdb::Logger {
 public:
  // Opened with the first message; what an earlier start left is kept as `path`.old.
  explicit InfoLog(std::string path)
      : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL), path_(std::move(path)) {}
  ~InfoLog() override;

  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override;

 private:
  // Then it begins anew.
  static constexpr std::size_t kBytesMax = 1 << 20;
  static constexpr std::size_t kMessageBytesMax = 4'096;

  void begin();

  const std::string path_;
  std::mutex mutex_;
  int file_ = -1;
  std::size_t bytes_ = kBytesMax;
};

}  // namespace sluice::broker
