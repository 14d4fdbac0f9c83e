#include "tests/support/sim_store.h"

#include <utility>

#include "shared/base/check.h"

namespace sluice {
namespace {

using broker::Cursor;
using broker::Family;
using broker::WriteBatch;

// Keeps the map as it was: writers copy it when somebody else holds it.
class SimCursor final : public Cursor {
 public:
  SimCursor(std::shared_ptr<const SimDisk::Keys> keys, bool cut_off)
      : keys_(std::move(keys)), at_(keys_->end()), cut_off_(cut_off) {}

  void seek(ByteView key) override { at_ = keys_->lower_bound(key); }
  void seek_for_prev(ByteView key) override {
    at_ = keys_->upper_bound(key);
    at_ = at_ == keys_->begin() ? keys_->end() : std::prev(at_);
  }
  void next() override { ++at_; }
  bool valid() const override { return at_ != keys_->end(); }
  ByteView key() const override { return at_->first; }
  ByteView value() const override { return at_->second; }
  Result<void> status() const override {
    if (cut_off_) return fail(Code::storage, "the store is gone");
    return {};
  }

 private:
  std::shared_ptr<const SimDisk::Keys> keys_;
  SimDisk::Keys::const_iterator at_;
  bool cut_off_;
};

}  // namespace

std::unique_ptr<SimStore> SimDisk::open() {
  if (opened_) opened_->disk_ = nullptr;
  auto store = std::make_unique<SimStore>(*this);
  opened_ = store.get();
  return store;
}

void SimDisk::crash() {
  if (opened_) opened_->disk_ = nullptr;
  opened_ = nullptr;
  if (!unsynced_.empty()) {
    unsynced_.clear();
    for (std::size_t i = 0; i < live_.size(); ++i) live_[i] = std::make_shared<Keys>(*synced_[i]);
  }
}

void SimDisk::damage(Family family, const Buffer& key, Buffer value) {
  (*live_[index(family)])[key] = std::move(value);
}

void SimDisk::apply(const WriteBatch& batch, Snapshot& to) const {
  for (auto& keys : to) {
    if (keys.use_count() > 1) keys = std::make_shared<Keys>(*keys);
  }
  for (const auto& operation : batch.operations()) {
    if (loses_ && loses_(operation)) continue;
    Keys& keys = *to[index(operation.family)];
    switch (operation.kind) {
      case WriteBatch::Kind::put:
        keys.insert_or_assign(operation.key, operation.value);
        break;
      case WriteBatch::Kind::erase:
        keys.erase(operation.key);
        break;
      case WriteBatch::Kind::erase_range:
        if (operation.key < operation.value) {
          keys.erase(keys.lower_bound(operation.key), keys.lower_bound(operation.value));
        }
        break;
    }
  }
}

Result<void> SimDisk::write(const WriteBatch& batch) {
  if (std::exchange(fail_next_, false)) return fail(Code::storage, "the disk failed");
  if (full_) return fail(Code::overloaded, "the disk is full");
  ++writes_;
  apply(batch, live_);
  if (lag_ == 0) return {};
  unsynced_.push_back(batch);
  if (unsynced_.size() > lag_) {
    apply(unsynced_.front(), synced_);
    unsynced_.erase(unsynced_.begin());
  }
  return {};
}

Result<void> SimDisk::write_unsynced(const WriteBatch& batch) {
  if (lag_ != 0) return write(batch);
  CHECK(unsynced_.empty());
  synced_ = live_;
  TRY_VOID(write(batch));
  unsynced_.push_back(batch);
  return {};
}

Result<void> SimDisk::sync() {
  if (std::exchange(fail_next_, false)) return fail(Code::storage, "the disk failed");
  if (lag_ == 0) unsynced_.clear();
  return {};
}

void SimDisk::reclaim(Family family, ByteView from, ByteView to,
                      const broker::Store::KeyFilter& wanted) {
  for (Snapshot* all : {&live_, &synced_}) {
    auto& keys = (*all)[index(family)];
    if (keys.use_count() > 1) keys = std::make_shared<Keys>(*keys);
    const auto begin = keys->lower_bound(from);
    const auto end = keys->lower_bound(to);
    for (auto key = begin; key != end;) {
      key = wanted && wanted(key->first) ? std::next(key) : keys->erase(key);
    }
  }
}

SimStore::~SimStore() {
  if (disk_) disk_->opened_ = nullptr;
}

Result<void> SimStore::write(const WriteBatch& batch) {
  TRY_VOID(check_writable());
  return note(disk_->write(batch));
}

Result<void> SimStore::write_unsynced(const WriteBatch& batch) {
  TRY_VOID(check_writable());
  return note(disk_->write_unsynced(batch));
}

Result<void> SimStore::sync() {
  TRY_VOID(check_writable());
  return note(disk_->sync());
}

Result<void> SimStore::reclaim(Family family, ByteView from, ByteView to, KeyFilter wanted) {
  TRY_VOID(check_writable());
  disk_->reclaim(family, from, to, wanted);
  return {};
}

Result<void> SimStore::check_writable() const {
  if (!disk_) return fail(Code::storage, "the store is gone");
  if (failed_) return fail(Code::storage, "the store is read-only after a failed write");
  return {};
}

Result<void> SimStore::note(Result<void> written) {
  if (!written && written.error().code != Code::overloaded) failed_ = true;
  return written;
}

std::string SimStore::refuses_writes() const {
  if (!disk_) return "the store is gone";
  if (failed_) return "the store is read-only after a failed write";
  return disk_->full_ ? "the disk is full" : "";
}

Result<std::optional<Buffer>> SimStore::get(Family family, ByteView key) const {
  if (!disk_) return fail(Code::storage, "the store is gone");
  const auto& keys = disk_->keys(family);
  const auto found = keys.find(key);
  if (found == keys.end()) return std::nullopt;
  return std::optional(found->second);
}

std::unique_ptr<Cursor> SimStore::cursor(Family family, std::size_t) const {
  if (!disk_) return std::make_unique<SimCursor>(std::make_shared<SimDisk::Keys>(), true);
  return std::make_unique<SimCursor>(disk_->live_[SimDisk::index(family)], false);
}

}  // namespace sluice
