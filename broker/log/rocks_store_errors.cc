#include "broker/log/rocks_store_errors.h"

#include <utility>

namespace sluice::broker {

// RocksDB's statuses do not say what failed, but its texts do: "While fdatasync: <file>". A path
// that looks like it only makes us stricter.
bool StoreErrors::passes(const rocksdb::Status& status) {
  return status.IsNoSpace() && status.ToString().find("sync") == std::string::npos;
}

bool StoreErrors::note(const rocksdb::Status& status) {
  if (!passes(status)) {
    fail(status.ToString());
    return false;
  }
  const std::lock_guard lock(mutex_);
  ++met_;
  blocked_ = true;
  return !failed_;
}

void StoreErrors::fail(std::string why) {
  const std::lock_guard lock(mutex_);
  ++met_;
  if (failure_.empty()) failure_ = std::move(why);
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
  (void)note(*error);
}

}  // namespace sluice::broker
