#pragma once
// Compaction by key (cleanup.policy=compact): what of a stored value stays, decided from a map of
// the newest offset of each key. Rules as in Kafka's Cleaner and KIP-534. Pure; used by one thread
// at a time. Offsets never change: a batch that keeps any record keeps its offsets, one that keeps
// none disappears.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "broker/log/key_index.h"
#include "broker/log/keys.h"
#include "shared/base/result.h"
#include "shared/wire/record_batch.h"

namespace sluice::broker {

// What a topic's configuration says of it.
struct CompactionRules {
  std::int64_t min_lag_ms = 0;                    // younger records stay
  std::int64_t delete_retention_ms = 86'400'000;  // how long a tombstone is kept to be seen
  double min_dirty_ratio = 0.5;                   // of the bytes, before it is worth the work
  std::int64_t segment_ms = 604'800'000;          // age at which the open segment is closed for it
};

// Key -> newest offset, of a stretch of the log. Holds the keys themselves: a hash that two keys
// share would lose a record.
class NewestOffsets {
 public:
  // Covers nothing yet: offsets below `begin`, and at end() and above, are not in it.
  NewestOffsets(std::size_t bytes_max, Offset begin) : bytes_max_(bytes_max), end_(begin) {}

  // Takes the batch's keys, and end() moves behind it. False: they do not fit, end() stays before
  // it. The first batch always fits. REQUIRES: batches come in order.
  Result<bool> add(const wire::RecordBatchView& batch);
  // Nothing is stored between end() and `offset`.
  void skip_to(Offset offset) { end_ = std::max(end_, offset); }

  std::optional<Offset> find(ByteView key) const;
  Offset end() const { return end_; }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(ByteView key) const { return std::hash<ByteView>{}(key); }
  };
  // What a key costs beside its bytes.
  static constexpr std::size_t kOverheadBytes = 64;

  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  Offset end_;
  boost::unordered_flat_map<Buffer, Offset, Hash, std::equal_to<>> offsets_;
};

inline constexpr std::int64_t kNoHorizon = std::numeric_limits<std::int64_t>::max();

struct CleanBounds {
  Offset newest = -1;  // the log's last record: it always stays, so that the log's end does
  std::int64_t now_ms = 0;
  std::int64_t delete_retention_ms = 0;
  bool list_dropped_keys = false;  // the partition has a key index
};

// What is left of one stored value.
struct CleanedValue {
  Buffer bytes;  // batches; empty when nothing is left
  bool changed = false;
  Offset last_offset = -1;                    // of the last batch in bytes
  std::int64_t max_timestamp = -1;            // of what is left
  std::int64_t next_horizon_ms = kNoHorizon;  // when one of its tombstones may go
  std::uint64_t dropped = 0;                  // records
  std::vector<KeyEntry> dropped_keys;         // what the key index has of them, if it was asked for
};

// Errors: Code::corrupt for a value that is not batches, Code::too_large for a batch that takes too
// much memory; then nothing of the partition can be decided.
Result<CleanedValue> clean_value(ByteView value, const NewestOffsets& newest,
                                 const CleanBounds& bounds);

// Old values that become one new one: those with keys from `from` to `last`, in one part.
struct Rewrite {
  Offset from = 0;
  Offset last = 0;
  Offset new_last = -1;  // the new value's key; -1: nothing is left
  Buffer value;
  std::uint64_t old_bytes = 0;
};

// Puts cleaned values together, in order: neighbours that shrank join, so that a thinned log does
// not become a log of tiny values.
class Rewriter {
 public:
  // `last`: the old value's key.
  void add(Offset last, std::size_t old_bytes, CleanedValue cleaned);
  std::vector<Rewrite> finish();

 private:
  // What one value grows to by joining; as with coalesced appends.
  static constexpr std::size_t kJoinedBytesMax = 256 << 10;
  // An unchanged value above this is not worth writing again only to join its neighbour.
  static constexpr std::size_t kSmallBytes = 16 << 10;

  void close();

  std::optional<Rewrite> open_;
  std::vector<Rewrite> done_;
};

}  // namespace sluice::broker
