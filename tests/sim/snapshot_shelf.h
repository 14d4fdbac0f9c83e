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

}  // namespace sluice::sim
