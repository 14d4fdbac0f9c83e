#include "broker/log/rocks_store_open_database.h"

#include <chrono>

namespace sluice::broker {
namespace {

// How long new uses are kept waiting for old ones to end. It is tried again in a second.
constexpr std::chrono::milliseconds kPatience{100};

}  // namespace

thread_local int OpenDatabase::uses_of_thread_ = 0;

OpenDatabase::Opened::~Opened() {
  for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  db_->Close();
}

Result<OpenDatabase::Use> OpenDatabase::use() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !reopening_ || (uses_ > 0 && uses_of_thread_ > 0); });
  if (!opened_) return std::unexpected(opened_.error());
  ++uses_;
  ++uses_of_thread_;
  return Use(this, opened_->get());
}

void OpenDatabase::end_use() const {
  const std::lock_guard lock(mutex_);
  --uses_of_thread_;
  if (--uses_ == 0) changed_.notify_all();
}

Result<void> OpenDatabase::reopen(const Open& open) {
  std::unique_lock lock(mutex_);
  reopening_ = true;
  const bool unused = changed_.wait_for(lock, kPatience, [this] { return uses_ == 0; });
  if (unused) {
    lock.unlock();
    if (opened_) opened_->reset();  // two cannot have the directory
    opened_ = open();
    lock.lock();
  }
  reopening_ = false;
  changed_.notify_all();
  if (!unused) return fail(Code::overloaded, "the store is in use");
  if (!opened_) return std::unexpected(opened_.error());
  return {};
}

}  // namespace sluice::broker
