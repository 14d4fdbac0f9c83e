#include "broker/log/key_finder.h"

#include <algorithm>

#include "shared/wire/compression.h"

namespace sluice::broker {
namespace {

constexpr std::size_t kScanReadahead = 1 << 20;

std::size_t size_of(const wire::Record& record) {
  std::size_t size = record.key->size() + record.value.value_or(ByteView()).size();
  for (const auto& header : record.headers) {
    size += header.key.size() + header.value.value_or(ByteView()).size();
  }
  return size;
}

}  // namespace

FoundRecord copy_of(const wire::Record& record) {
  FoundRecord found{.offset = record.offset, .timestamp_ms = record.timestamp_ms};
  if (record.value) found.value = Buffer(*record.value);
  for (const auto& header : record.headers) {
    auto& [name, value] = found.headers.emplace_back(Buffer(header.key), std::nullopt);
    if (header.value) value = Buffer(*header.value);
  }
  return found;
}

// A request while it is answered.
struct KeyFinder::Search {
  const FindRequest& request;
  FoundRecords found;
  std::size_t answer_bytes = 0;

  // Nothing further may be read.
  bool full() const {
    return found.records.size() >= request.records_max ||
           answer_bytes >= request.answer_bytes_max || found.read_bytes >= request.read_bytes_max;
  }

  // Takes the batch's records with the key, from found.next on and before `end`.
  void look_into(const wire::RecordBatchView& batch, Offset end);
};

void KeyFinder::Search::look_into(const wire::RecordBatchView& batch, Offset end) {
  Buffer storage;
  const auto plain = wire::plain_records(batch, storage);
  found.read_bytes += plain ? std::max(plain->size(), batch.size()) : batch.size();
  std::vector<FoundRecord> matches;
  bool whole = true;
  bool readable = plain.has_value();
  if (readable) {
    wire::RecordCursor cursor(batch, *plain);
    wire::Record record;
    while (cursor.next(record)) {
      if (record.offset < found.next || record.offset >= end) continue;
      if (record.key != request.key) continue;
      const bool room = found.records.size() + matches.size() < request.records_max &&
                        (answer_bytes < request.answer_bytes_max);
      if (!room) {
        found.next = record.offset;
        whole = false;
        break;
      }
      answer_bytes += size_of(record);
      matches.push_back(copy_of(record));
    }
    // As with the index' entries: of a batch that does not read to its end there are none.
    readable = !whole || cursor.finish().has_value();
  }
  if (readable) {
    std::ranges::move(matches, std::back_inserter(found.records));
  } else if (!batch.is_control()) {
    found.unreadable_batches += 1;
  }
  if (whole) found.next = std::min(std::max(found.next, batch.next_offset()), end);
}

Result<void> KeyFinder::scan(Search& search, const Part& part, Offset end) const {
  const Offset began = search.found.next;
  const auto cursor = store_.cursor(Family::log, kScanReadahead);
  cursor->seek(log_key(part.segment, partition_, began));
  for (; key_in_part(*cursor, part.segment, partition_); cursor->next()) {
    TRY(batches, wire::split_batches(cursor->value()));
    for (const auto& batch : batches) {
      if (search.full() || batch.base_offset() >= end) break;
      if (batch.last_offset() >= search.found.next) search.look_into(batch, end);
    }
    if (search.full() || search.found.next >= end) break;
  }
  TRY_VOID(cursor->status());
  const bool ended = !search.full();
  if (ended) search.found.next = end;  // what compaction took from the end
  search.found.scanned_offsets += static_cast<std::uint64_t>(search.found.next - began);
  return {};
}

Result<void> KeyFinder::look_up(Search& search, const Part& part) const {
  const Offset end = std::min(part.end, bounds_.end);
  const Offset began = search.found.next;
  const KeyHash hash = hash_of_key(search.request.key);
  const auto entries = store_.cursor(Family::index, 0);
  const auto log = store_.cursor(Family::log, 0);
  entries->seek(index_key(part.segment, partition_, hash, began));
  for (; entries->valid(); entries->next()) {
    const auto entry = parse_index_key(entries->key());
    if (!entry || entry->segment != part.segment || entry->partition != partition_ ||
        entry->hash != hash || entry->offset >= end) {
      break;
    }
    if (entry->offset < search.found.next) continue;  // its batch was looked into
    search.found.next = entry->offset;
    if (search.full()) break;
    // The record may have gone since.
    log->seek(log_key(part.segment, partition_, entry->offset));
    if (!key_in_part(*log, part.segment, partition_)) continue;
    TRY(batches, wire::split_batches(log->value()));
    const auto batch = std::ranges::find_if(
        batches, [&](const auto& b) { return b.last_offset() >= entry->offset; });
    // The whole batch at once: it is unpacked for one key that is often in it once only.
    if (batch != batches.end() && batch->base_offset() <= entry->offset) {
      search.look_into(*batch, end);
    }
  }
  TRY_VOID(entries->status());
  TRY_VOID(log->status());
  if (!search.full()) search.found.next = end;
  search.found.indexed_offsets += static_cast<std::uint64_t>(search.found.next - began);
  return {};
}

Result<FoundRecords> KeyFinder::find(const FindRequest& request) const {
  Search search{.request = request, .found = {}};
  FoundRecords& found = search.found;
  found.next = std::max(request.from, bounds_.log_start);
  const Offset indexed_from = bounds_.indexed_from.value_or(bounds_.end);
  for (const Part& part : parts_) {
    const Offset end = std::min(part.end, bounds_.end);
    if (found.next < std::min(end, indexed_from) && !search.full()) {
      TRY_VOID(scan(search, part, std::min(end, indexed_from)));
    }
    if (found.next < end && found.next >= indexed_from && !search.full()) {
      TRY_VOID(look_up(search, part));
    }
    if (search.full()) break;
  }
  if (!search.full()) found.next = std::max(found.next, bounds_.end);
  found.done = found.next >= bounds_.end;
  return std::move(found);
}

}  // namespace sluice::broker
