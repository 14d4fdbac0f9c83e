#include "broker/log/delay_reader.h"

#include <utility>

#include <fmt/format.h>

#include "shared/wire/record.h"

namespace sluice::broker {
namespace {

// The delayed record that the cursor is at, when it is the partition's.
std::optional<DelayPosition> position_in(const Cursor& cursor, PartitionId partition) {
  if (!cursor.valid()) return std::nullopt;
  const auto key = parse_delay_key(cursor.key());
  if (!key || key->partition != partition) return std::nullopt;
  return key->at;
}

Error damaged(DelayPosition at, const Error& error) {
  return {Code::corrupt,
          fmt::format("the delayed record {}-{}: {}", at.due_ms, at.sequence, error.context)};
}

// Its views point into `batch`.
Result<wire::Record> record_in(const wire::RecordBatchView& batch) {
  wire::RecordCursor cursor(batch);
  wire::Record record;
  (void)cursor.next(record);
  TRY_VOID(cursor.finish());
  return record;
}

WaitingRecord waiting(DelayPosition at, ByteView value) {
  WaitingRecord waiting{.at = at, .key = {}, .record = {}, .damage = {}};
  const auto batch = delayed_batch(value);
  const auto record = batch ? record_in(*batch) : std::unexpected(batch.error());
  if (!record) {
    waiting.damage = damaged(at, record.error());
    return waiting;
  }
  waiting.record = copy_of(*record);
  if (record->key) waiting.key = Buffer(*record->key);
  return waiting;
}

}  // namespace

Result<wire::RecordBatchView> delayed_batch(ByteView value) {
  TRY(batch, wire::RecordBatchView::at_front(value));
  TRY_VOID(batch.validate());
  if (batch.size() != value.size() || batch.record_count() != 1 ||
      batch.compression() != wire::Compression::none) {
    return fail(Code::corrupt, "it is not one batch of one record");
  }
  TRY_VOID(batch.validate_records());
  return batch;
}

DueScan read_due(const Store& store, PartitionId partition, DelayPosition from, WallTime now,
                 const std::set<DelayPosition>& left_out, const DueLimits& limits) {
  DueScan scan;
  wire::RecordBatchBuilder builder;
  std::vector<DelayPosition> positions;
  const auto cursor = store.cursor(Family::delay, 0);
  DelayPosition reached = from;
  for (cursor->seek(delay_key(partition, from));; cursor->next()) {
    const auto at = position_in(*cursor, partition);
    if (!at) break;
    reached = *at;
    const ByteView value = cursor->value();
    const bool full = builder.count() > 0 && (positions.size() >= limits.records_max ||
                                              builder.size() + value.size() > limits.bytes_max);
    if (at->due_ms > now.unix_millis || full) {
      scan.next = at;
      break;
    }
    if (left_out.contains(*at)) continue;
    const auto batch = delayed_batch(value);
    if (!batch) {
      scan.damage = damaged(*at, batch.error());
      continue;
    }
    const auto record = record_in(*batch);
    if (!record) {
      scan.damage = damaged(*at, record.error());
      continue;
    }
    builder.add(*record);
    positions.push_back(*at);
  }
  if (const auto status = cursor->status(); !status) {
    scan.damage = status.error();
    scan.cut_short = true;
    scan.next = reached;
  }
  if (builder.count() > 0) scan.due = {std::move(builder).finish(), std::move(positions)};
  return scan;
}

Result<WaitingRecords> list_delayed(const Store& store, PartitionId partition, DelayPosition from,
                                    std::size_t records_max, std::size_t bytes_max) {
  WaitingRecords page;
  const auto cursor = store.cursor(Family::delay, 0);
  for (cursor->seek(delay_key(partition, from));; cursor->next()) {
    const auto at = position_in(*cursor, partition);
    if (!at) break;
    if (!page.records.empty() && (page.records.size() >= records_max || page.bytes >= bytes_max)) {
      page.next = at;
      break;
    }
    page.bytes += cursor->value().size();
    page.records.push_back(waiting(*at, cursor->value()));
  }
  TRY_VOID(cursor->status());
  return page;
}

Result<std::optional<WaitingRecord>> find_delayed(const Store& store, PartitionId partition,
                                                  DelayPosition at) {
  TRY(value, store.get(Family::delay, delay_key(partition, at)));
  if (!value) return std::nullopt;
  return waiting(at, *value);
}

}  // namespace sluice::broker
