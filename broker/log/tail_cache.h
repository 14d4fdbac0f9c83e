#pragma once
// TailCache: the newest batches of all partitions, so that consumers who keep up never touch the
// store, and one copy in memory serves all of them. Bounded in bytes; the oldest batch of all
// leaves first, so each partition keeps an unbroken run up to its end. Pure; lives on the loop
// thread.

#include <cstddef>
#include <deque>
#include <optional>

#include <boost/unordered/unordered_flat_map.hpp>

#include "broker/log/keys.h"
#include "shared/base/shared_bytes.h"

namespace sluice::broker {

class TailCache {
 public:
  explicit TailCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // The batches [base, end) of the partition, which are durable.
  // REQUIRES: base is where the partition's last insert ended, if it has one here.
  void insert(PartitionId partition, Offset base, Offset end, SharedSlice batch);

  // Whole batches from the one that holds `from`, up to bytes_max; the first even above it when
  // `at_least_one`. Nothing when that batch is not here any more.
  std::optional<SharedBytes> read(PartitionId partition, Offset from, std::size_t bytes_max,
                                  bool at_least_one) const;

  void erase(PartitionId partition);
  // Forgets the batches that begin before `offset`: the store has a shorter version of them.
  void erase_before(PartitionId partition, Offset offset);

  std::size_t bytes() const { return bytes_; }

 private:
  struct Batch {
    Offset base;
    Offset end;
    SharedSlice slice;
  };
  // What a small batch costs beside its bytes.
  static constexpr std::size_t kOverheadBytes = 96;

  // A batch by the order of its coming. What it names may be gone.
  struct Arrival {
    PartitionId partition;
    Offset base;
  };

  void drop_oldest();
  void pop_front(std::deque<Batch>& run);
  void tidy();

  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  boost::unordered_flat_map<PartitionId, std::deque<Batch>> batches_;
  std::size_t count_ = 0;      // batches
  std::deque<Arrival> order_;  // oldest first; erased batches leave theirs until tidy()
};

}  // namespace sluice::broker
