#pragma once
// The key index' entries: what a stored value contributes to Family::index. One rule for the write
// path, the background build, compaction, finding and verifying: every record with a key has an
// entry. A control batch has none, nor has a batch whose records cannot be read: no reader could
// be given one. Pure; any thread.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "broker/log/keys.h"
#include "broker/log/store.h"
#include "shared/base/result.h"
#include "shared/wire/record_batch.h"

namespace sluice::broker {

// The topic configuration that asks for it.
inline constexpr std::string_view kKeyIndexConfig = "key.index.enable";

// Records of one batch that a topic with a key index takes; more is MESSAGE_TOO_LARGE, at which
// clients split the batch. An entry takes more memory than a tiny record in a compressed batch.
inline constexpr std::int32_t kIndexedRecordsMax = 100'000;

// What an entry takes in memory until it is on the disk, about: for limits.
inline constexpr std::size_t kIndexEntryBytes = 128;

// Of an entry, as it is stored.
inline constexpr std::size_t kIndexKeyBytes = 24;

struct KeyEntry {
  KeyHash hash = 0;
  Offset offset = 0;

  friend auto operator<=>(const KeyEntry&, const KeyEntry&) = default;
};

// A stretch of one part that the index does not cover.
struct Unindexed {
  Segment segment = 0;
  Offset first = 0;
  Offset end = 0;
  std::uint64_t epoch = 0;  // see PartitionLog::key_index_epoch()
};

KeyHash hash_of_key(ByteView key);

// Adds the batch's entries, in the order of its records; or none of them, see above.
void add_key_entries(const wire::RecordBatchView& batch, std::vector<KeyEntry>& to);

// The same of a value of the log. Code::corrupt: it is not batches.
Result<void> add_key_entries(ByteView value, std::vector<KeyEntry>& to);

// The write with the entries that its operations ask for (WriteBatch::Operation::keys), each behind
// its value: what is erased behind that takes them too. Decompresses, so not for the loop thread.
WriteBatch with_key_entries(WriteBatch batch);

}  // namespace sluice::broker
