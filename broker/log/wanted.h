#pragma once
// Wanted: which stored records, and entries of the key index, somebody may still ask for, as it was
// at one moment. What is forgotten stays in the store, unmarked, until its space is reclaimed
// (docs/decisions/0011-forgotten-is-not-erased.md). Pure; any thread once it is filled.
//
// What is not wanted will never be wanted again, so it may be out of date.

#include <boost/unordered/unordered_flat_map.hpp>

#include "broker/log/keys.h"
#include "broker/log/store.h"

namespace sluice::broker {

class Wanted {
 public:
  // Segments from `open` on are not judged: all of them is wanted.
  explicit Wanted(Segment open) : open_(open) {}

  // The partition's records from `log_start` on are; of partitions that are not added nothing is.
  void add(PartitionId partition, Offset log_start) {
    starts_.insert_or_assign(partition, log_start);
  }

  // A key of Family::log or Family::index. A damaged one is: it is for `verify` to find.
  bool operator()(Family family, ByteView key) const;

 private:
  bool record(Segment segment, PartitionId partition, Offset offset) const;

  Segment open_;
  boost::unordered_flat_map<PartitionId, Offset> starts_;
};

}  // namespace sluice::broker
