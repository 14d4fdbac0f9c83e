#pragma once
// DelaySchedule: which partition has to be looked at next for delayed records, and from where on.
// Of each partition it knows one place: nothing delayed lies before it. The records themselves stay
// in the store, in the order in which they become due, so memory does not grow with them. Pure.

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "broker/log/delay_keys.h"
#include "shared/base/clock.h"

namespace sluice::broker {

class DelaySchedule {
 public:
  struct Place {
    PartitionId partition = 0;
    DelayPosition from;  // what is delayed lies here or behind

    friend bool operator==(const Place&, const Place&) = default;
  };

  // The partition has, or may have, something delayed at `place.from` or behind. Of two places of a
  // partition the earlier stands.
  void add(Place place);
  void forget(PartitionId partition);

  // Takes out the places at which something may be due, the longest overdue first. Whoever takes
  // one looks there, and adds where he stopped unless nothing is left.
  std::vector<Place> take_due(WallTime now, std::size_t limit);

  // Of the earliest place, Unix ms.
  std::optional<std::int64_t> next_due_ms() const;
  std::size_t size() const { return from_.size(); }

 private:
  boost::unordered_flat_map<PartitionId, DelayPosition> from_;
  std::set<std::pair<DelayPosition, PartitionId>> order_;
};

}  // namespace sluice::broker
