#pragma once
// The keys of delayed records; docs/storage-format.md is the grammar.

#include <cstdint>
#include <optional>

#include "broker/log/keys.h"
#include "shared/base/bytes.h"
#include "shared/wire/io.h"

namespace sluice::broker {

// Where a delayed record is among its partition's, which are in the order of their delivery. The
// sequence is never reused in a partition, so this names the record for ever.
struct DelayPosition {
  std::int64_t due_ms = 0;  // Unix
  std::uint64_t sequence = 0;

  friend auto operator<=>(const DelayPosition&, const DelayPosition&) = default;
};

// Family::delay: <partition u32><due ms i64><sequence u64>.
inline Buffer delay_key(PartitionId partition, DelayPosition at) {
  Buffer key;
  append_be(key, partition);
  append_be(key, at.due_ms);
  append_be(key, at.sequence);
  return key;
}

struct DelayKey {
  PartitionId partition = 0;
  DelayPosition at;
};

// Nothing: the key is damaged.
inline std::optional<DelayKey> parse_delay_key(ByteView key) {
  wire::Reader from(key);
  DelayKey parsed;
  parsed.partition = from.integer<PartitionId>();
  parsed.at.due_ms = from.integer<std::int64_t>();
  parsed.at.sequence = from.integer<std::uint64_t>();
  if (!from.finished() || parsed.at.due_ms < 0) return std::nullopt;
  return parsed;
}

// Behind every key of a partition: no due time has its first byte.
inline Buffer delay_end(PartitionId partition) {
  return delay_key(partition, {-1, 0});
}

}  // namespace sluice::broker
