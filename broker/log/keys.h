#pragma once
// The store's keys and the stored format version. docs/storage-format.md is the grammar; a change
// of any key or value raises kFormatVersion. All integers are big-endian, so keys sort by value.

#include <cstdint>
#include <limits>
#include <optional>

#include "shared/base/bytes.h"
#include "shared/wire/io.h"

namespace sluice::broker {

// DO NOT REUSE a number: 1 = partition-major log keys, 2 = segment-major, 3 = batches may be
// thinned by compaction.
inline constexpr std::uint32_t kFormatVersion = 3;
// A directory of this version is one of kFormatVersion that nothing was compacted in.
inline constexpr std::uint32_t kFormatVersionTaken = 2;

// A partition's number in the store: dense, never reused, so that a topic created again under an
// old name never meets old keys.
using PartitionId = std::uint32_t;
using Offset = std::int64_t;
// A stretch of the whole store's appends, some 64 MiB of all partitions. The table files of one
// segment hold no keys of another, so dropping old data is dropping files.
using Segment = std::uint32_t;

inline constexpr Offset kOffsetMax = std::numeric_limits<Offset>::max();

// First byte of a key in Family::state. DO NOT CHANGE THESE.
enum class StateKind : char {
  meta = 'm',       // m<name>
  topic = 't',      // t<topic name>
  partition = 'p',  // p<partition u32>
  part = 'g',       // g<partition u32><segment u32>: a partition's part of a segment
  cleaned = 'c',    // c<partition u32>: how far it was compacted
  producer = 's',   // s<partition u32><producer id i64>
  offset = 'o',     // o<group length u16><group><topic length u16><topic><partition i32>
};

// Family::log: <segment u32><partition u32><last offset u64>. Keyed by the LAST offset,
// seek(offset) lands on the value that holds it.
inline Buffer log_key(Segment segment, PartitionId partition, Offset last_offset) {
  Buffer key;
  append_be(key, segment);
  append_be(key, partition);
  append_be(key, last_offset);
  return key;
}

struct LogKey {
  Segment segment = 0;
  PartitionId partition = 0;
  Offset last_offset = 0;
};

// Nothing: the key is damaged.
inline std::optional<LogKey> parse_log_key(ByteView key) {
  constexpr std::size_t kPartitionAt = sizeof(Segment);
  constexpr std::size_t kOffsetAt = kPartitionAt + sizeof(PartitionId);
  if (key.size() != kOffsetAt + sizeof(Offset)) return std::nullopt;
  return LogKey{load_be<Segment>(key.data()), load_be<PartitionId>(key.data() + kPartitionAt),
                load_be<Offset>(key.data() + kOffsetAt)};
}

// The first log key of a segment.
inline Buffer segment_begin(Segment segment) {
  return log_key(segment, 0, 0);
}

// A stored name: <length u16><name>.
inline ByteView take_text(wire::Reader& from) {
  return from.take(from.integer<std::uint16_t>());
}

inline Buffer state_key(StateKind kind, ByteView rest = {}) {
  Buffer key(1, static_cast<char>(kind));
  key.append(rest);
  return key;
}

// The first key after every key of this kind.
inline Buffer state_end(StateKind kind) {
  return Buffer(1, static_cast<char>(static_cast<char>(kind) + 1));
}

inline Buffer partition_key(PartitionId partition) {
  Buffer key = state_key(StateKind::partition);
  append_be(key, partition);
  return key;
}

inline Buffer part_key(PartitionId partition, Segment segment) {
  Buffer key = state_key(StateKind::part);
  append_be(key, partition);
  append_be(key, segment);
  return key;
}

inline Buffer cleaned_key(PartitionId partition) {
  Buffer key = state_key(StateKind::cleaned);
  append_be(key, partition);
  return key;
}

inline Buffer producer_key(PartitionId partition, std::int64_t producer_id) {
  Buffer key = state_key(StateKind::producer);
  append_be(key, partition);
  append_be(key, producer_id);
  return key;
}

}  // namespace sluice::broker
