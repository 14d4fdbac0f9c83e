#include "broker/log/log_reader.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "shared/wire/compression.h"
#include "shared/wire/record.h"
#include "shared/wire/record_batch.h"

namespace sluice::broker {
namespace {

// A fetch of at least so much is a scan: it pays to read ahead of it.
constexpr std::size_t kScanBytes = 1 << 20;

// Shows the batch's records at or after `from` to visit(record, found), which may replace what was
// found, until it returns false.
template <class Visit>
Result<TimestampedOffset> search(const wire::RecordBatchView& batch, Offset from,
                                 TimestampedOffset found, Visit visit) {
  Buffer storage;
  const auto plain = wire::plain_records(batch, storage);
  // Nobody has looked into it before: its first record stands for all, early, never late.
  if (!plain) {
    return TimestampedOffset{std::max(from, batch.base_offset()), batch.max_timestamp_ms()};
  }
  wire::RecordCursor records(batch, *plain);
  wire::Record record;
  while (records.next(record)) {
    if (record.offset >= from && !visit(record, found)) return found;
  }
  TRY_VOID(records.finish());
  return found;
}

Result<TimestampedOffset> find_in_batch(const wire::RecordBatchView& batch, Offset from,
                                        std::int64_t timestamp) {
  return search(batch, from, {}, [&](const wire::Record& record, TimestampedOffset& found) {
    if (record.timestamp_ms < timestamp) return true;
    found = {record.offset, record.timestamp_ms};
    return false;
  });
}

// The newer of `found` and the batch's newest record at or after `from`.
Result<TimestampedOffset> newest_in_batch(const wire::RecordBatchView& batch, Offset from,
                                          TimestampedOffset found) {
  return search(batch, from, found, [](const wire::Record& record, TimestampedOffset& newest) {
    if (record.timestamp_ms > newest.timestamp) newest = {record.offset, record.timestamp_ms};
    return true;
  });
}

}  // namespace

std::optional<LogKey> key_in_part(const Cursor& cursor, Segment segment, PartitionId partition) {
  if (!cursor.valid()) return std::nullopt;
  const auto key = parse_log_key(cursor.key());
  if (!key || key->segment != segment || key->partition != partition) return std::nullopt;
  return key;
}

// Calls visit(batch) from the batch that holds `from`, in order, until it returns false.
template <class Visit>
Result<void> LogReader::for_each_batch(Offset from, std::size_t readahead, Visit visit) const {
  const auto cursor = store_.cursor(Family::log, readahead);
  for (const Part& part : parts_) {
    if (part.end <= from) continue;
    for (cursor->seek(log_key(part.segment, partition_, from));
         key_in_part(*cursor, part.segment, partition_); cursor->next()) {
      TRY(batches, wire::split_batches(cursor->value()));
      for (const auto& batch : batches) {
        if (batch.last_offset() < from) continue;  // coalesced before the one that is wanted
        if (batch.base_offset() >= end_) return {};
        TRY(more, visit(batch));
        if (!more) return {};
      }
    }
    TRY_VOID(cursor->status());
  }
  return {};
}

Result<Buffer> LogReader::read(Offset from, ReadLimits limits) const {
  Buffer out;
  out.reserve(std::min(limits.bytes_max, kScanBytes));  // a scan's pieces are mostly full
  const std::size_t readahead = limits.bytes_max >= kScanBytes ? kScanBytes : 0;
  const auto take = [&](const wire::RecordBatchView& batch) -> Result<bool> {
    const bool must = out.empty() && limits.at_least_one_batch;
    if (!must && out.size() + batch.size() > limits.bytes_max) return false;
    out.append(batch.bytes());
    return out.size() < limits.bytes_max;
  };
  const auto walked = for_each_batch(from, readahead, take);
  // What lies before damage is whole; the next read begins at it and says so.
  if (!walked && out.empty()) return std::unexpected(walked.error());
  if (out.empty() && limits.at_least_one_batch && from < end_) {
    return fail(Code::corrupt, fmt::format("partition {} lacks offset {}, which was acknowledged",
                                           partition_, from));
  }
  // Until a slow client has taken it, it must not hold much more than it is.
  if (out.size() < out.capacity() / 2) out.shrink_to_fit();
  return out;
}

Result<TimestampedOffset> LogReader::find_timestamp(Offset from, std::int64_t timestamp) const {
  TimestampedOffset found;
  const auto look = [&](const wire::RecordBatchView& batch) -> Result<bool> {
    if (batch.max_timestamp_ms() < timestamp) return true;
    TRY(record, find_in_batch(batch, from, timestamp));
    found = record;
    return found.offset < 0;
  };
  // Parts whose newest record is too old hold nothing of interest.
  const auto part = std::ranges::find_if(
      parts_, [&](const Part& p) { return p.end > from && p.max_timestamp >= timestamp; });
  if (part == parts_.end()) return found;
  TRY_VOID(for_each_batch(std::max(from, part->first), kScanBytes, look));
  return found;
}

Result<TimestampedOffset> LogReader::find_max_timestamp(Offset from) const {
  // A part's newest time may be that of a record that was deleted, so what it promises is looked
  // at.
  std::vector<Part> newest_first = parts_;
  std::ranges::sort(newest_first, {},
                    [](const Part& part) { return std::pair(-part.max_timestamp, part.first); });
  TimestampedOffset found;
  for (const Part& part : newest_first) {
    if (part.end <= from || part.max_timestamp <= found.timestamp) continue;
    const auto look = [&](const wire::RecordBatchView& batch) -> Result<bool> {
      if (batch.base_offset() >= part.end) return false;
      if (batch.max_timestamp_ms() <= found.timestamp) return true;
      TRY(record, newest_in_batch(batch, from, found));
      found = record;
      return true;
    };
    TRY_VOID(for_each_batch(std::max(from, part.first), kScanBytes, look));
  }
  return found;
}

}  // namespace sluice::broker
