#include "broker/log/compaction.h"

#include <algorithm>
#include <utility>

#include "shared/wire/compression.h"
#include "shared/wire/record.h"

namespace sluice::broker {
namespace {

// Transactions have rules of their own; nobody writes them yet.
bool untouchable(const wire::RecordBatchView& batch) {
  return batch.is_control() || batch.is_transactional();
}

enum class Fate : unsigned char { stays, stays_as_tombstone, goes };

Fate fate_of(const wire::Record& record, const wire::RecordBatchView& batch,
             const NewestOffsets& newest, const CleanBounds& bounds) {
  if (record.offset >= newest.end() || record.offset == bounds.newest) return Fate::stays;
  // From before the topic was compacted; nobody could ever replace it.
  if (!record.key) return Fate::goes;
  const auto found = newest.find(*record.key);
  if (found && *found > record.offset) return Fate::goes;
  if (record.value) return Fate::stays;
  const bool over = batch.has_delete_horizon() && batch.base_timestamp_ms() <= bounds.now_ms;
  return over ? Fate::goes : Fate::stays_as_tombstone;
}

void keep(CleanedValue& into, ByteView bytes) {
  const auto batch = wire::RecordBatchView::at_front(bytes);
  into.bytes += bytes;
  into.last_offset = batch->last_offset();
  into.max_timestamp = std::max(into.max_timestamp, batch->max_timestamp_ms());
}

Result<void> clean_batch(const wire::RecordBatchView& batch, const NewestOffsets& newest,
                         const CleanBounds& bounds, CleanedValue& into) {
  if (batch.base_offset() >= newest.end() || untouchable(batch)) {
    keep(into, batch.bytes());
    return {};
  }
  Buffer storage;
  TRY(plain, wire::plain_records(batch, storage));
  wire::RecordCursor cursor(batch, plain);
  std::vector<wire::Record> kept;
  bool tombstones = false;
  wire::Record record;
  while (cursor.next(record)) {
    const Fate fate = fate_of(record, batch, newest, bounds);
    tombstones |= fate == Fate::stays_as_tombstone;
    if (fate != Fate::goes) {
      kept.push_back(record);
    } else if (bounds.list_dropped_keys && record.key) {
      into.dropped_keys.push_back({hash_of_key(*record.key), record.offset});
    }
  }
  TRY_VOID(cursor.finish());
  into.dropped += static_cast<std::uint64_t>(batch.record_count()) - kept.size();
  std::optional<std::int64_t> horizon;
  if (tombstones) {
    horizon = batch.has_delete_horizon() ? batch.base_timestamp_ms()
                                         : bounds.now_ms + bounds.delete_retention_ms;
    into.next_horizon_ms = std::min(into.next_horizon_ms, *horizon);
  }
  const bool whole = kept.size() == static_cast<std::size_t>(batch.record_count());
  if (whole && (!tombstones || batch.has_delete_horizon())) {
    keep(into, batch.bytes());
    return {};
  }
  into.changed = true;
  if (kept.empty()) return {};
  TRY(thinned, wire::thin_batch(batch, kept, horizon));
  keep(into, thinned);
  return {};
}

}  // namespace

Result<bool> NewestOffsets::add(const wire::RecordBatchView& batch) {
  if (untouchable(batch)) {
    end_ = batch.next_offset();
    return true;
  }
  Buffer storage;
  TRY(plain, wire::plain_records(batch, storage));
  wire::RecordCursor cursor(batch, plain);
  wire::Record record;
  const bool first = offsets_.empty();
  while (cursor.next(record)) {
    if (!record.key) continue;
    if (const auto known = offsets_.find(*record.key); known != offsets_.end()) {
      known->second = record.offset;
      continue;
    }
    const std::size_t cost = record.key->size() + kOverheadBytes;
    // The keys of half a batch do no harm: what they replace is replaced indeed.
    if (!first && bytes_ + cost > bytes_max_) return false;
    bytes_ += cost;
    offsets_.emplace(*record.key, record.offset);
  }
  TRY_VOID(cursor.finish());
  end_ = batch.next_offset();
  return true;
}

std::optional<Offset> NewestOffsets::find(ByteView key) const {
  const auto found = offsets_.find(key);
  if (found == offsets_.end()) return std::nullopt;
  return found->second;
}

Result<CleanedValue> clean_value(ByteView value, const NewestOffsets& newest,
                                 const CleanBounds& bounds) {
  CleanedValue cleaned;
  TRY(batches, wire::split_batches(value));
  for (const auto& batch : batches) TRY_VOID(clean_batch(batch, newest, bounds, cleaned));
  return cleaned;
}

void Rewriter::add(Offset last, std::size_t old_bytes, CleanedValue cleaned) {
  if (!cleaned.changed && (!open_ || cleaned.bytes.size() > kSmallBytes)) return close();
  if (open_ && open_->value.size() + cleaned.bytes.size() > kJoinedBytesMax) close();
  if (!open_) {
    if (!cleaned.changed) return;
    open_.emplace(Rewrite{.from = last});
  }
  open_->last = last;
  open_->old_bytes += old_bytes;
  if (cleaned.bytes.empty()) return;
  open_->value += cleaned.bytes;
  open_->new_last = cleaned.last_offset;
}

void Rewriter::close() {
  if (open_) done_.push_back(std::move(*open_));
  open_.reset();
}

std::vector<Rewrite> Rewriter::finish() {
  close();
  return std::exchange(done_, {});
}

}  // namespace sluice::broker
