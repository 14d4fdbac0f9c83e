#pragma once
// SimDisk and SimStore: the broker's Store on ordered maps, with what a disk does to a program: a
// power cut loses whatever was not synced, a write can fail, and writes of a process that is gone
// never arrive. A SimDisk outlives the SimStores that are opened on it, one after the other.
// Single-threaded, unlike RocksStore.

#include <array>
#include <functional>
#include <map>
#include <memory>

#include "broker/log/store.h"

namespace sluice {

class SimStore;

class SimDisk {
 public:
  using Keys = std::map<Buffer, Buffer, std::less<>>;

  // What a program sees on it now. The one before, if any, is cut off.
  std::unique_ptr<SimStore> open();
  // The power goes: what is not synced is lost, the open store is cut off.
  void crash();

  // The next write fails without a trace, and the store refuses all that follow.
  void fail_next_write() { fail_next_ = true; }
  // A lying disk: writes are reported before they are synced, which happens `lag` writes later.
  // Nothing that is honest does this; it is the bug that checkers have to find.
  void lie(std::size_t lag) { lag_ = lag; }

  // No space is left, or there is again: stores refuse to take more, and writes do not fit.
  void fill(bool full) { full_ = full; }

  // A disk that forgets: keys of the state family that begin so are never stored.
  void lose_state_keys(char first) {
    lose([first](const broker::WriteBatch::Operation& operation) {
      return operation.family == broker::Family::state && operation.key.starts_with(first);
    });
  }

  // Operations that are never stored: a bug that checkers have to find.
  void lose(std::function<bool(const broker::WriteBatch::Operation&)> lost) {
    loses_ = std::move(lost);
  }

  // Changes what is stored behind everybody's back: damage.
  void damage(broker::Family family, const Buffer& key, Buffer value);
  const Keys& keys(broker::Family family) const { return *live_[index(family)]; }
  std::size_t writes() const { return writes_; }

 private:
  friend class SimStore;
  using Snapshot = std::array<std::shared_ptr<Keys>, broker::kFamilies>;

  static std::size_t index(broker::Family family) { return static_cast<std::size_t>(family); }
  void apply(const broker::WriteBatch& batch, Snapshot& to) const;
  Result<void> write(const broker::WriteBatch& batch);
  Result<void> write_unsynced(const broker::WriteBatch& batch);
  Result<void> sync();
  void reclaim(broker::Family family, ByteView from, ByteView to,
               const broker::Store::KeyFilter& wanted);

  static Snapshot nothing() {
    Snapshot keys;
    for (auto& family : keys) family = std::make_shared<Keys>();
    return keys;
  }

  Snapshot live_ = nothing();
  std::vector<broker::WriteBatch> unsynced_;  // on live_, not on synced_
  Snapshot synced_ = nothing();
  std::size_t lag_ = 0;
  bool fail_next_ = false;
  bool full_ = false;
  std::function<bool(const broker::WriteBatch::Operation&)> loses_;
  std::size_t writes_ = 0;
  SimStore* opened_ = nullptr;
};

class SimStore final : public broker::Store {
 public:
  explicit SimStore(SimDisk& disk) : disk_(&disk) {}
  SimStore(const SimStore&) = delete;
  SimStore& operator=(const SimStore&) = delete;
  ~SimStore() override;

  Result<void> write(const broker::WriteBatch& batch) override;
  Result<void> write_unsynced(const broker::WriteBatch& batch) override;
  Result<void> sync() override;
  // There are no files here: keys are enough.
  Result<void> roll_log() override { return {}; }
  Result<void> reclaim(broker::Family family, ByteView from, ByteView to,
                       KeyFilter wanted) override;
  void stop_reclaiming() override {}
  Result<void> housekeep() override { return {}; }
  Result<broker::NewBackup> backup(const broker::BackupOptions&, broker::BackupWatch&) override {
    return fail(Code::unsupported, "the simulated disk makes no backups");
  }
  std::string refuses_writes() const override;
  Result<std::optional<Buffer>> get(broker::Family family, ByteView key) const override;
  std::unique_ptr<broker::Cursor> cursor(broker::Family family,
                                         std::size_t readahead_bytes) const override;

 private:
  friend class SimDisk;

  Result<void> check_writable() const;
  Result<void> note(Result<void> written);

  SimDisk* disk_;  // null: cut off
  bool failed_ = false;
};

}  // namespace sluice
