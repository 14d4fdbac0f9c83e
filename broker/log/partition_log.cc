#include "broker/log/partition_log.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "shared/wire/record.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;

constexpr Offset kOffsetMax = std::numeric_limits<Offset>::max();
// The one leader of the one broker.
constexpr std::int32_t kLeaderEpoch = 0;
constexpr std::size_t kScanReadahead = 1 << 20;

// The value of a partition key: <log start i64><end i64>.
constexpr std::size_t kBoundsBytes = 16;

bool in_partition(const Cursor& cursor, PartitionId partition) {
  return cursor.valid() && cursor.key().size() == 12 &&
         load_be<PartitionId>(cursor.key().data()) == partition;
}

BatchIdentity identity_of(const wire::RecordBatchView& batch) {
  return {batch.producer_id(), batch.producer_epoch(), batch.base_sequence(), batch.record_count()};
}

// The batches of [from, end) as one string, on a reader thread. `end` hides what is staged or was
// appended after the caller looked.
Result<Buffer> read_batches(const Store& store, PartitionId partition, Offset from, Offset end,
                            PartitionLog::ReadLimits limits) {
  Buffer out;
  const auto cursor =
      store.cursor(Family::log, limits.bytes_max >= kScanReadahead ? kScanReadahead : 0);
  for (cursor->seek(log_key(partition, from)); in_partition(*cursor, partition); cursor->next()) {
    TRY(batches, wire::split_batches(cursor->value()));
    for (const auto& batch : batches) {
      if (batch.last_offset() < from) continue;  // coalesced before the one that was asked for
      if (batch.base_offset() >= end) return out;
      const bool must = out.empty() && limits.at_least_one_batch;
      if (!must && out.size() + batch.size() > limits.bytes_max) return out;
      out.append(batch.bytes());
    }
  }
  TRY_VOID(cursor->status());
  return out;
}

using TimestampedOffset = PartitionLog::TimestampedOffset;

// The first record of the batch that is late enough. Of a compressed batch only the ends are known:
// its first record stands for it, which is early, never late.
Result<TimestampedOffset> find_in_batch(const wire::RecordBatchView& batch,
                                        std::int64_t timestamp) {
  if (batch.compression() != wire::Compression::none || batch.base_timestamp_ms() >= timestamp) {
    return TimestampedOffset{batch.base_offset(), batch.base_timestamp_ms()};
  }
  wire::RecordCursor records(batch);
  wire::Record record;
  while (records.next(record)) {
    if (record.timestamp_ms >= timestamp)
      return TimestampedOffset{record.offset, record.timestamp_ms};
  }
  TRY_VOID(records.finish());
  return TimestampedOffset{batch.last_offset(), batch.max_timestamp_ms()};
}

// Calls visit(batch) for the batches of [from, end) until it returns false.
template <class Visit>
Result<void> for_each_batch(const Store& store, PartitionId partition, Offset from, Offset end,
                            Visit visit) {
  const auto cursor = store.cursor(Family::log, kScanReadahead);
  for (cursor->seek(log_key(partition, from)); in_partition(*cursor, partition); cursor->next()) {
    TRY(batches, wire::split_batches(cursor->value()));
    for (const auto& batch : batches) {
      if (batch.last_offset() < from) continue;
      if (batch.base_offset() >= end) return {};
      TRY(more, visit(batch));
      if (!more) return {};
    }
  }
  return cursor->status();
}

}  // namespace

PartitionLog::PartitionLog(LogContext& context, PartitionId id)
    : context_(context), id_(id), producers_(SequenceCheck::Options{}) {}

Result<void> PartitionLog::recover() {
  TRY(bounds, context_.store.get(Family::state, partition_key(id_)));
  if (!bounds || bounds->size() != kBoundsBytes) {
    return fail(Code::corrupt,
                fmt::format("the bounds of partition {} are missing or damaged", id_));
  }
  log_start_ = load_be<Offset>(bounds->data());
  end_ = high_watermark_ = load_be<Offset>(bounds->data() + 8);
  TRY_VOID(check_end());
  return recover_producers();
}

// The end that was acknowledged against the end of what is there.
Result<void> PartitionLog::check_end() const {
  const auto cursor = context_.store.cursor(Family::log, 0);
  cursor->seek_for_prev(log_key(id_, kOffsetMax));
  TRY_VOID(cursor->status());
  const bool found = in_partition(*cursor, id_);
  const Offset last = found ? load_be<Offset>(cursor->key().data() + 4) : log_start_ - 1;
  if (last + 1 == end_) return {};
  return fail(Code::corrupt, fmt::format("partition {} ends at offset {}, but {} were acknowledged",
                                         id_, last + 1, end_));
}

Result<void> PartitionLog::recover_producers() {
  const auto cursor = context_.store.cursor(Family::state, 0);
  const Buffer end = producer_key(id_, std::numeric_limits<std::int64_t>::max());
  for (cursor->seek(producer_key(id_, 0)); cursor->valid() && cursor->key() < end; cursor->next()) {
    const auto producer_id = load_be<std::int64_t>(cursor->key().data() + 5);
    TRY_VOID(producers_.restore(producer_id, cursor->value()));
  }
  return cursor->status();
}

void PartitionLog::stage_bounds() {
  Buffer bounds;
  append_be(bounds, log_start_);
  append_be(bounds, end_);
  context_.committer.put(partition_key(id_), std::move(bounds));
}

PartitionLog::Staged PartitionLog::stage(Buffer bytes, WallTime now) {
  if (closed_) return {.answer = {.error = ErrorCode::unknown_topic_or_partition}};
  if (context_.committer.failure()) return {.answer = {.error = ErrorCode::kafka_storage_error}};
  const auto batch = wire::RecordBatchView::at_front(bytes);
  CHECK(batch);
  const BatchIdentity identity = identity_of(*batch);
  const Verdict verdict = producers_.check(identity);
  if (const auto* refuse = std::get_if<Refuse>(&verdict)) {
    return {.answer = {.error = refuse->error_code}};
  }
  Offset base = end_;
  if (const auto* duplicate = std::get_if<Duplicate>(&verdict)) {
    base = duplicate->base_offset;  // its first copy may still be on its way to the disk
  } else {
    wire::stamp_batch(bytes.data(), base, kLeaderEpoch);
    end_ = base + identity.record_count;
    context_.committer.append(id_, end_ - 1, bytes);
    stage_bounds();
    stage_producer(identity, base, now);
  }
  return {.answer = {.base_offset = base, .log_start = log_start_},
          .visible = end_,
          .bytes = bytes.size()};
}

Task<PartitionLog::Appended> PartitionLog::commit(Staged staged) {
  const auto keep = shared_from_this();
  if (staged.answer.error != ErrorCode::none) co_return staged.answer;
  if (const auto done = co_await context_.committer.commit(); !done) {
    co_return Appended{.error = ErrorCode::kafka_storage_error};
  }
  advance(staged.visible, staged.bytes);
  co_return staged.answer;
}

void PartitionLog::stage_producer(const BatchIdentity& identity, Offset base, WallTime now) {
  if (identity.producer_id < 0) return;
  for (const std::int64_t forgotten : producers_.append(identity, base, now)) {
    context_.committer.erase(producer_key(id_, forgotten));
  }
  context_.committer.put(producer_key(id_, identity.producer_id),
                         producers_.encode(identity.producer_id));
}

void PartitionLog::expire_producers(WallTime now) {
  for (const std::int64_t forgotten : producers_.expire(now)) {
    context_.committer.erase(producer_key(id_, forgotten));
  }
}

void PartitionLog::advance(Offset visible, std::size_t bytes) {
  if (visible <= high_watermark_) return;
  high_watermark_ = visible;
  context_.appended(id_, bytes);
}

Task<Result<Buffer>> PartitionLog::read(Offset from, ReadLimits limits) {
  CHECK(from >= log_start_ && from <= high_watermark_);
  if (from == high_watermark_) co_return Buffer();
  auto job = [store = &context_.store, id = id_, from, end = high_watermark_, limits] {
    return read_batches(*store, id, from, end, limits);
  };
  co_return co_await context_.readers.run(std::move(job));
}

Task<Result<TimestampedOffset>> PartitionLog::find_timestamp(std::int64_t timestamp) {
  auto job = [store = &context_.store, id = id_, from = log_start_, end = high_watermark_,
              timestamp]() -> Result<TimestampedOffset> {
    TimestampedOffset found;
    TRY_VOID(for_each_batch(*store, id, from, end,
                            [&](const wire::RecordBatchView& batch) -> Result<bool> {
                              if (batch.max_timestamp_ms() < timestamp) return true;
                              TRY(record, find_in_batch(batch, timestamp));
                              found = record;
                              return false;
                            }));
    return found;
  };
  co_return co_await context_.readers.run(std::move(job));
}

Task<Result<TimestampedOffset>> PartitionLog::find_max_timestamp() {
  auto job = [store = &context_.store, id = id_, from = log_start_,
              end = high_watermark_]() -> Result<TimestampedOffset> {
    TimestampedOffset found;
    // Of a compressed batch the record that is found may be an earlier one: batches compare by
    // their own maximum.
    std::int64_t newest = -1;
    TRY_VOID(for_each_batch(*store, id, from, end,
                            [&](const wire::RecordBatchView& batch) -> Result<bool> {
                              if (batch.max_timestamp_ms() <= newest) return true;
                              newest = batch.max_timestamp_ms();
                              TRY(record, find_in_batch(batch, newest));
                              found = record;
                              return true;
                            }));
    return found;
  };
  co_return co_await context_.readers.run(std::move(job));
}

}  // namespace sluice::broker
