#pragma once
// The file `acknowledged` beside the database: how far the acknowledged writes reach, in RocksDB's
// sequence numbers. It stands outside of the write-ahead log, so a log that was cut at a record
// boundary, which looks whole, is noticed.

#include <cstdint>
#include <optional>
#include <string>

#include "shared/base/result.h"

namespace rocksdb {
class Env;
class Status;
}  // namespace rocksdb

namespace sluice::broker {

std::string mark_path(const std::string& data_dir);

// Replaces it as a whole, durably.
rocksdb::Status write_mark(rocksdb::Env* env, const std::string& data_dir, std::uint64_t reached);

// Nothing when there is none. Code::corrupt when it is not what was written.
Result<std::optional<std::uint64_t>> read_mark(const std::string& data_dir);

}  // namespace sluice::broker
