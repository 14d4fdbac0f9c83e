#include "broker/delay/delay_schedule.h"

namespace sluice::broker {

void DelaySchedule::add(Place place) {
  const auto [known, added] = from_.emplace(place.partition, place.from);
  if (!added) {
    if (known->second <= place.from) return;
    order_.erase({known->second, place.partition});
    known->second = place.from;
  }
  order_.emplace(place.from, place.partition);
}

void DelaySchedule::forget(PartitionId partition) {
  const auto known = from_.find(partition);
  if (known == from_.end()) return;
  order_.erase({known->second, partition});
  from_.erase(known);
}

std::vector<DelaySchedule::Place> DelaySchedule::take_due(WallTime now, std::size_t limit) {
  std::vector<Place> due;
  while (!order_.empty() && due.size() < limit) {
    const auto [from, partition] = *order_.begin();
    if (from.due_ms > now.unix_millis) break;
    due.push_back({partition, from});
    order_.erase(order_.begin());
    from_.erase(partition);
  }
  return due;
}

std::optional<std::int64_t> DelaySchedule::next_due_ms() const {
  if (order_.empty()) return std::nullopt;
  return order_.begin()->first.due_ms;
}

}  // namespace sluice::broker
