#pragma once
// SnapshotShelf: where simulated processes keep snapshots of their folds. It outlives them, and
// loses one now and then.

#include <map>
#include <string>

#include "shared/base/check.h"
#include "shared/ledger/fold_snapshot.h"
#include "tests/support/sim_loop.h"

namespace sluice::sim {

class SnapshotShelf {
 public:
  explicit SnapshotShelf(SimLoop& loop) : loop_(loop) {}

  ledger::FoldedLog load(const std::string& name) {
    const auto kept = kept_.find(name);
    if (kept == kept_.end() || loop_.once_in(4)) return {};
    auto log = ledger::decode_snapshot(kept->second);
    CHECK(log);
    return std::move(*log);
  }

  void keep(const std::string& name, const ledger::FoldedLog& log) {
    if (loop_.once_in(8)) kept_[name] = ledger::encode_snapshot(log);
  }

 private:
  SimLoop& loop_;
  std::map<std::string, Buffer> kept_;
};

// Where a reader of the log goes on: with the record that the snapshot ends with.
inline std::int64_t start_of(const ledger::FoldedLog& log) {
  return log.seam.offset < 0 ? 0 : log.seam.offset;
}

// The log goes on from the snapshot: nothing that was read is ever another record.
inline void check_seam(const ledger::FoldedLog& log, const ledger::Seam& read) {
  CHECK(read.offset != log.seam.offset || read == log.seam);
}

}  // namespace sluice::sim
