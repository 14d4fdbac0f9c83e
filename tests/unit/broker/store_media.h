#pragma once
// The two stores behind one face, so that one test body runs on both: open() opens what is there,
// or what is there again after the store was destroyed.

#include <memory>

#include "broker/log/rocks_store.h"
#include "shared/base/check.h"
#include "tests/support/sim_store.h"
#include "tests/support/temp_dir.h"

namespace sluice::tests {

class RocksMedium {
 public:
  std::unique_ptr<broker::Store> open() {
    auto store = broker::open_rocks_store(
        {.path = dir_.path(), .segment_bytes = 1 << 20, .disk_reserve_bytes = 0});
    CHECK(store);
    return std::move(*store);
  }

 private:
  TempDir dir_;
};

class SimMedium {
 public:
  std::unique_ptr<broker::Store> open() { return disk_.open(); }
  SimDisk& disk() { return disk_; }

 private:
  SimDisk disk_;
};

}  // namespace sluice::tests
