#include "broker/log/wanted.h"

namespace sluice::broker {

bool Wanted::operator()(Family family, ByteView key) const {
  if (family == Family::log) {
    const auto value = parse_log_key(key);
    return !value || record(value->segment, value->partition, value->last_offset);
  }
  const auto entry = parse_index_key(key);
  return !entry || record(entry->segment, entry->partition, entry->offset);
}

bool Wanted::record(Segment segment, PartitionId partition, Offset offset) const {
  if (segment >= open_) return true;
  const auto start = starts_.find(partition);
  return start != starts_.end() && offset >= start->second;
}

}  // namespace sluice::broker
