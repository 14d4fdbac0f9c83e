#include "broker/log/key_index.h"

#include <utility>

#include <xxhash.h>

#include "shared/wire/compression.h"
#include "shared/wire/record.h"

namespace sluice::broker {

KeyHash hash_of_key(ByteView key) {
  return XXH64(key.data(), key.size(), 0);
}

void add_key_entries(const wire::RecordBatchView& batch, std::vector<KeyEntry>& to) {
  if (batch.is_control()) return;
  Buffer storage;
  const auto plain = wire::plain_records(batch, storage);
  if (!plain) return;
  const std::size_t before = to.size();
  wire::RecordCursor cursor(batch, *plain);
  wire::Record record;
  while (cursor.next(record)) {
    if (record.key) to.push_back({hash_of_key(*record.key), record.offset});
  }
  if (!cursor.finish()) to.resize(before);
}

Result<void> add_key_entries(ByteView value, std::vector<KeyEntry>& to) {
  TRY(batches, wire::split_batches(value));
  for (const auto& batch : batches) add_key_entries(batch, to);
  return {};
}

WriteBatch with_key_entries(WriteBatch batch) {
  if (batch.keys() == 0) return batch;
  WriteBatch whole;
  std::vector<KeyEntry> entries;
  for (auto& operation : std::move(batch).take_operations()) {
    entries.clear();
    std::optional<LogKey> place;
    if (operation.keys > 0) place = parse_log_key(operation.key);
    // What is no batch has no keys; nobody stages that.
    if (place) (void)add_key_entries(operation.value, entries);
    operation.keys = 0;
    whole.add(std::move(operation));
    for (const KeyEntry& entry : entries) {
      whole.put(Family::index,
                index_key(place->segment, place->partition, entry.hash, entry.offset), {});
    }
  }
  return whole;
}

}  // namespace sluice::broker
