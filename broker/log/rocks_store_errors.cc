#include "broker/log/rocks_store_errors.h"

namespace sluice::broker {

// RocksDB's statuses do not say what failed, but its texts do: "While fdatasync: <file>". A path
// that looks like it only makes us stricter.
bool StoreErrors::passes(const rocksdb::Status& status) {
  return status.IsNoSpace() && status.ToString().find("sync") == std::string::npos;
}

thread_local bool StoreErrors::may_close_ = false;

bool StoreErrors::note(const rocksdb::Status& status) {
  if (!passes(status)) {
    fail(status);
    return false;
  }
  const std::lock_guard lock(mutex_);
  ++met_;
  blocked_ = true;
  return !failed_;
}

void StoreErrors::fail(const rocksdb::Status& status) {
  const std::lock_guard lock(mutex_);
  ++met_;
  if (failure_.empty()) failure_ = status.ToString();
  failed_ = true;
}

std::string StoreErrors::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void StoreErrors::resumed(std::uint64_t met) {
  const std::lock_guard lock(mutex_);
  if (met == met_) blocked_ = false;
}

void StoreErrors::OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) {
  // Old records that cannot be read stay where they are: the rewriting fails, nothing else.
  if (reason == rocksdb::BackgroundErrorReason::kCompaction && error->IsCorruption()) {
    *error = rocksdb::Status::OK();
    return;
  }
  using Reason = rocksdb::BackgroundErrorReason;
  // A memtable that could not be closed for lack of space cannot be closed a second time: RocksDB
  // 7.8 aborts (MemTable::ConstructFragmentedRangeTombstones).
  const bool closing =
      reason == Reason::kMemTable || (reason == Reason::kManifestWrite && may_close_);
  // And it would write to the same log again, which aborts too (WritableFileWriter::Append).
  const bool stuck = reason == Reason::kWriteCallback && !anchored_;
  if (closing || stuck) {
    fail(*error);
  } else {
    (void)note(*error);
  }
}

}  // namespace sluice::broker
