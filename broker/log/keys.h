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
// thinned by compaction, 4 = key index, 5 = what is forgotten is not erased.
inline constexpr std::uint32_t kFormatVersion = 6;
// Directories from this version on are ones of kFormatVersion that lack what is newer.
inline constexpr std::uint32_t kFormatVersionTaken = 2;

constexpr bool readable_format(std::uint32_t version) {
  return version >= kFormatVersionTaken && version <= kFormatVersion;
}

// A partition's number in the store: dense, never reused, so that a topic created again under an
// old name never meets old keys.
using PartitionId = std::uint32_t;
using Offset = std::int64_t;
// A stretch of the whole store's appends, some 64 MiB of all partitions. The table files of one
// segment hold no keys of another, so dropping old data is dropping files.
using Segment = std::uint32_t;
inline constexpr Segment kSegmentMax = std::numeric_limits<Segment>::max();

// XXH64 of a record's key, with seed 0.
using KeyHash = std::uint64_t;

inline constexpr Offset kOffsetMax = std::numeric_limits<Offset>::max();

// First byte of a key in Family::state. DO NOT CHANGE THESE.
enum class StateKind : char {
  meta = 'm',       // m<name>
  topic = 't',      // t<topic name>
  partition = 'p',  // p<partition u32>
  part = 'g',       // g<partition u32><segment u32>: a partition's part of a segment
  cleaned = 'c',    // c<partition u32>: how far it was compacted
  indexed = 'i',    // i<partition u32>: from where on Family::index has its keys
  delayed = 'd',    // d<partition u32>: how many delayed records it has
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

// Before every key of a segment and behind all of the one before, in Family::log and Family::index.
inline Buffer segment_begin(Segment segment) {
  Buffer key;
  append_be(key, segment);
  return key;
}

// Family::index: <segment u32><partition u32><hash u64><offset i64>, no value: the record at
// `offset`, which lies in that part, has a key of that hash.
inline Buffer index_key(Segment segment, PartitionId partition, KeyHash hash, Offset offset) {
  Buffer key;
  append_be(key, segment);
  append_be(key, partition);
  append_be(key, hash);
  append_be(key, offset);
  return key;
}

struct IndexKey {
  Segment segment = 0;
  PartitionId partition = 0;
  KeyHash hash = 0;
  Offset offset = 0;
};

// Nothing: the key is damaged.
inline std::optional<IndexKey> parse_index_key(ByteView key) {
  wire::Reader from(key);
  IndexKey parsed;
  parsed.segment = from.integer<Segment>();
  parsed.partition = from.integer<PartitionId>();
  parsed.hash = from.integer<KeyHash>();
  parsed.offset = from.integer<Offset>();
  return from.finished() ? std::optional(parsed) : std::nullopt;
}

// The first key after those of a part: no record has the largest offset.
inline Buffer index_part_end(Segment segment, PartitionId partition) {
  return index_key(segment, partition, std::numeric_limits<KeyHash>::max(), kOffsetMax);
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

inline Buffer state_key(StateKind kind, PartitionId partition) {
  Buffer key = state_key(kind);
  append_be(key, partition);
  return key;
}

inline Buffer partition_key(PartitionId partition) {
  return state_key(StateKind::partition, partition);
}

inline Buffer part_key(PartitionId partition, Segment segment) {
  Buffer key = state_key(StateKind::part, partition);
  append_be(key, segment);
  return key;
}

inline Buffer cleaned_key(PartitionId partition) {
  return state_key(StateKind::cleaned, partition);
}

inline Buffer indexed_key(PartitionId partition) {
  return state_key(StateKind::indexed, partition);
}

inline Buffer delayed_key(PartitionId partition) {
  return state_key(StateKind::delayed, partition);
}

inline Buffer producer_key(PartitionId partition, std::int64_t producer_id) {
  Buffer key = state_key(StateKind::producer, partition);
  append_be(key, producer_id);
  return key;
}

}  // namespace sluice::broker
