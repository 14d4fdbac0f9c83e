#include "broker/log/partition_log.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "shared/base/check.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;

// The one leader of the one broker.
constexpr std::int32_t kLeaderEpoch = 0;

// The value of a part key: <first i64><end i64><max timestamp i64><bytes u64>.
constexpr std::size_t kPartBytes = 32;

// The value of an indexed key is one offset: <from i64>.

// The value of a cleaned key: <end i64><when the next tombstone is due i64, Unix ms>.
constexpr std::size_t kCleanedBytes = 16;

BatchIdentity identity_of(const wire::RecordBatchView& batch) {
  return {batch.producer_id(), batch.producer_epoch(), batch.base_sequence(), batch.record_count()};
}

}  // namespace

PartitionLog::PartitionLog(LogContext& context, PartitionId id)
    : context_(context), id_(id), producers_(SequenceCheck::Options{}), delays_(context, id) {}

Result<void> PartitionLog::restore_start(ByteView value) {
  if (value.size() != sizeof(Offset)) {
    return fail(Code::corrupt, "its stored start is damaged");
  }
  log_start_ = end_ = high_watermark_ = load_be<Offset>(value.data());
  return {};
}

Result<void> PartitionLog::restore_part(Segment segment, ByteView value) {
  if (value.size() != kPartBytes) {
    return fail(Code::corrupt, "a stored part of it is damaged");
  }
  const Part part{segment, load_be<Offset>(value.data()), load_be<Offset>(value.data() + 8),
                  load_be<std::int64_t>(value.data() + 16),
                  load_be<std::uint64_t>(value.data() + 24)};
  if (!parts_.empty() && end_ != part.first) {
    return fail(Code::corrupt, fmt::format("it lacks the offsets from {} to {}", end_, part.first));
  }
  context_.segments.appended(segment, part.bytes);
  parts_.push_back(part);
  end_ = high_watermark_ = part.end;
  return {};
}

Result<void> PartitionLog::restore_cleaned(ByteView value) {
  if (value.size() != kCleanedBytes) {
    return fail(Code::corrupt, "how far it was compacted is damaged");
  }
  cleaned_ = load_be<Offset>(value.data());
  next_horizon_ms_ = load_be<std::int64_t>(value.data() + 8);
  ever_cleaned_ = true;
  return {};
}

Result<void> PartitionLog::restore_indexed(ByteView value) {
  wire::Reader stored(value);
  const auto from = stored.integer<Offset>();
  if (!stored.finished() || from < 0) {
    return fail(Code::corrupt, "how far it is indexed is damaged");
  }
  indexed_from_ = from;
  return {};
}

Result<void> PartitionLog::restore_producer(std::int64_t producer_id, ByteView value) {
  return producers_.restore(producer_id, value);
}

Result<void> PartitionLog::check_end() const {
  if (parts_.empty()) return {};
  const auto cursor = context_.store.cursor(Family::log, 0);
  const Segment segment = parts_.back().segment;
  cursor->seek_for_prev(log_key(segment, id_, kOffsetMax));
  TRY_VOID(cursor->status());
  const auto last = key_in_part(*cursor, segment, id_);
  const Offset end = last ? last->last_offset + 1 : parts_.back().first;
  if (end == end_) return {};
  return fail(Code::corrupt,
              fmt::format("it ends at offset {}, but {} were acknowledged", end, end_));
}

void PartitionLog::stage_bounds() {
  Buffer start;
  append_be(start, log_start_);
  context_.committer.put(partition_key(id_), std::move(start));
}

void PartitionLog::stage_part(const Part& part) {
  Buffer value;
  append_be(value, part.first);
  append_be(value, part.end);
  append_be(value, part.max_timestamp);
  append_be(value, part.bytes);
  context_.committer.put(part_key(id_, part.segment), std::move(value));
}

// Why nothing can be appended at all.
std::optional<PartitionLog::Appended> PartitionLog::refusal() const {
  if (closed_) return Appended{.error = ErrorCode::unknown_topic_or_partition};
  if (!context_.committer.refusal().empty()) {
    return Appended{.error = ErrorCode::kafka_storage_error};
  }
  return std::nullopt;
}

// The answer to a batch that is not to be stored.
std::optional<PartitionLog::Appended> PartitionLog::judge(const BatchIdentity& sent) const {
  if (auto refused = refusal()) return refused;
  const Verdict verdict = producers_.check(sent);
  if (const auto* refuse = std::get_if<Refuse>(&verdict)) {
    return Appended{.error = refuse->error_code};
  }
  if (const auto* duplicate = std::get_if<Duplicate>(&verdict)) {
    // Its first copy may still be on its way to the disk, so it is awaited too.
    return Appended{.base_offset = duplicate->base_offset, .log_start = log_start_};
  }
  return std::nullopt;
}

PartitionLog::Staged PartitionLog::stage(Buffer bytes, WallTime now) {
  const auto batch = wire::RecordBatchView::at_front(bytes);
  CHECK(batch);
  const BatchIdentity sent = identity_of(*batch);
  if (const auto answer = judge(sent)) return {.answer = *answer};
  Staged staged = stage_append(std::move(bytes), now);
  remember(sent, staged.answer.base_offset, now);
  return staged;
}

PartitionLog::Staged PartitionLog::stage_split(ByteView sent, DelaySplit split, WallTime now) {
  const auto batch = wire::RecordBatchView::at_front(sent);
  CHECK(batch);
  const BatchIdentity identity = identity_of(*batch);
  if (const auto answer = judge(identity)) return {.answer = *answer};
  if (!delays_.fits(split.delayed.size())) {
    return {.answer = {.error = ErrorCode::policy_violation}};
  }
  Staged staged{.end = end_};
  if (split.rest) staged = stage_append(std::move(*split.rest), now);
  staged.answer = {.log_start = log_start_};
  staged.delayed_from = delays_.stage(std::move(split.delayed));
  remember(identity, staged.answer.base_offset, now);
  return staged;
}

std::optional<PartitionLog::Staged> PartitionLog::stage_due(DueRecords due, WallTime now) {
  if (refusal()) return std::nullopt;
  Staged staged = stage_append(std::move(due.batch), now);
  // Retention counts from when a record came to the log, or what waited long would go at once.
  Part& part = parts_.back();
  part.max_timestamp = std::max(part.max_timestamp, due.positions.back().due_ms);
  stage_part(part);
  delays_.stage_gone(due.positions);
  return staged;
}

Task<PartitionLog::Appended> PartitionLog::commit(Staged staged, std::int64_t flush_messages) {
  const auto keep = shared_from_this();
  if (staged.answer.error != ErrorCode::none) co_return staged.answer;
  const Appended answer = staged.answer;
  const bool early = flush_messages > 1 && staged.end - high_watermark_ < flush_messages;
  Result<void> done;
  if (early) {
    auto written = context_.committer.commit(Durability::written);
    context_.committer.spawn(show_later(std::move(staged)));
    done = co_await written;
  } else {
    done = co_await show(std::move(staged));
  }
  if (!done) co_return Appended{.error = ErrorCode::kafka_storage_error};
  co_return answer;
}

Task<Result<void>> PartitionLog::show(Staged staged) {
  CO_TRY_VOID(co_await context_.committer.commit());
  if (closed_) co_return Result<void>();
  if (!staged.batch.bytes.empty()) {
    const auto batch = wire::RecordBatchView::at_front(staged.batch.bytes);
    context_.tail.insert(id_, batch->base_offset(), staged.end, staged.batch);
    advance(staged.end, staged.batch.bytes.size());
  }
  if (staged.delayed_from && context_.delayed) {
    context_.delayed(shared_from_this(), *staged.delayed_from);
  }
  co_return Result<void>();
}

// A failure is the store's, and said there.
Task<void> PartitionLog::show_later(Staged staged) {
  const auto keep = shared_from_this();
  (void)co_await show(std::move(staged));
}

PartitionLog::Staged PartitionLog::stage_append(Buffer bytes, WallTime now) {
  const Offset base = end_;
  wire::stamp_batch(bytes.data(), base, kLeaderEpoch);
  const auto owner = std::make_shared<const Buffer>(std::move(bytes));
  const auto batch = wire::RecordBatchView::at_front(*owner);
  CHECK(batch);
  Committer& committer = context_.committer;
  if (parts_.empty() || parts_.back().segment != committer.segment()) {
    parts_.push_back({.segment = committer.segment(), .first = base, .end = base});
    opened_ms_ = now.unix_millis;
  }
  Part& part = parts_.back();
  end_ = part.end = base + batch->record_count();
  part.max_timestamp = std::max(part.max_timestamp, batch->max_timestamp_ms());
  part.bytes += batch->size();
  context_.segments.appended(part.segment, batch->size());
  const auto records = static_cast<std::uint64_t>(batch->record_count());
  committer.append(id_, end_ - 1, batch->bytes(), has_key_index() ? records : 0);
  stage_part(part);
  return {.answer = {.base_offset = base, .log_start = log_start_},
          .end = end_,
          .batch = {owner, *owner},
          .delayed_from = {}};
}

void PartitionLog::remember(const BatchIdentity& sent, Offset base, WallTime now) {
  if (sent.producer_id < 0) return;
  for (const std::int64_t forgotten : producers_.append(sent, base, now)) {
    context_.committer.erase(producer_key(id_, forgotten));
  }
  context_.committer.put(producer_key(id_, sent.producer_id), producers_.encode(sent.producer_id));
}

void PartitionLog::catch_up() {
  if (closed_) return;
  if (delays_.pending() > 0 && context_.delayed) context_.delayed(shared_from_this(), {});
  if (end_ == high_watermark_) return;
  // It has a gap now.
  context_.tail.erase(id_);
  constexpr std::size_t kWhatAnyoneWaitsFor = 1 << 30;
  advance(end_, kWhatAnyoneWaitsFor);
}

void PartitionLog::advance(Offset visible, std::size_t bytes) {
  if (visible <= high_watermark_) return;
  high_watermark_ = visible;
  context_.appended(id_, bytes);
}

LogReader PartitionLog::reader() const {
  return LogReader(context_.store, id_, parts_, high_watermark_);
}

Task<Result<SharedBytes>> PartitionLog::read(Offset from, ReadLimits limits) {
  CHECK(from >= log_start_ && from <= high_watermark_);
  if (from == high_watermark_) co_return SharedBytes();
  if (auto hot = context_.tail.read(id_, from, limits.bytes_max, limits.at_least_one_batch)) {
    co_return std::move(*hot);
  }
  auto job = [reader = reader(), from, limits] { return reader.read(from, limits); };
  auto cold = co_await context_.readers.run(std::move(job));
  if (!cold) {
    // Trimmed away before the reader came to it: no damage.
    if (from < log_start_ || closed_) co_return fail(Code::out_of_range, "the records are gone");
    co_return unreadable(cold.error());
  }
  co_return SharedBytes(std::move(*cold));
}

Task<Result<FoundRecords>> PartitionLog::find(FindRequest request) {
  const auto keep = shared_from_this();
  for (;;) {
    if (closed_) co_return fail(Code::closed, "the topic was deleted");
    const std::uint64_t epoch = index_epoch_;
    const KeyFinder finder(context_.store, id_, parts_,
                           {log_start_, high_watermark_, indexed_from_});
    auto job = [&finder, &request] { return finder.find(request); };
    auto found = co_await context_.readers.run(std::move(job));
    // It looked in an index that was being emptied.
    if (epoch != index_epoch_) continue;
    if (!found) co_return unreadable(found.error());
    co_return found;
  }
}

Task<Result<TimestampedOffset>> PartitionLog::find_timestamp(std::int64_t timestamp) {
  auto job = [reader = reader(), from = log_start_, timestamp] {
    return reader.find_timestamp(from, timestamp);
  };
  auto found = co_await context_.readers.run(std::move(job));
  if (!found) co_return unreadable(found.error());
  co_return found;
}

Task<Result<TimestampedOffset>> PartitionLog::find_max_timestamp() {
  auto job = [reader = reader(), from = log_start_] { return reader.find_max_timestamp(from); };
  auto found = co_await context_.readers.run(std::move(job));
  if (!found) co_return unreadable(found.error());
  co_return found;
}

std::unexpected<Error> PartitionLog::unreadable(const Error& error) const {
  if (context_.damaged) context_.damaged(id_, error);
  return std::unexpected(error);
}

void PartitionLog::drop_first_part() {
  const Part& part = parts_.front();
  context_.committer.erase(part_key(id_, part.segment));
  context_.segments.removed(part.segment, part.bytes);
  parts_.erase(parts_.begin());
}

void PartitionLog::trim(Offset offset) {
  CHECK(offset >= log_start_ && offset <= high_watermark_);
  if (offset == log_start_) return;
  log_start_ = offset;
  while (!parts_.empty() && parts_.front().end <= offset) drop_first_part();
  stage_bounds();
}

bool PartitionLog::retain(const Retention& retention, WallTime now) {
  std::uint64_t kept = bytes();
  Offset start = log_start_;
  bool open_wanted = false;
  for (const Part& part : parts_) {
    const bool old = retention.ms && part.max_timestamp < now.unix_millis - *retention.ms;
    const bool over = retention.bytes &&
                      kept - part.bytes >=
                          static_cast<std::uint64_t>(std::max<std::int64_t>(*retention.bytes, 0));
    if (!old && !over) break;
    if (part.segment >= context_.committer.segment() || part.end > high_watermark_) {
      open_wanted = part.first < part.end && log_start_ < part.end;
      break;
    }
    kept -= part.bytes;
    start = part.end;
  }
  trim(std::max(start, log_start_));
  return !open_wanted;
}

void PartitionLog::erase() {
  closed_ = true;
  context_.tail.erase(id_);
  while (!parts_.empty()) drop_first_part();
  if (has_key_index()) context_.committer.erase(indexed_key(id_));
  ++index_epoch_;
  delays_.erase();
  context_.committer.erase_partition(id_);
}

PartitionLog::Cleanable PartitionLog::cleanable(const CompactionRules& rules, WallTime now) const {
  Cleanable found{
      .end = log_start_, .dirty = std::max(cleaned_, log_start_), .newest = high_watermark_ - 1};
  for (const Part& part : parts_) {
    if (part.segment >= context_.committer.segment() || part.end > high_watermark_) break;
    if (rules.min_lag_ms > 0 && part.max_timestamp > now.unix_millis - rules.min_lag_ms) break;
    found.parts.push_back(part);
    found.parts.back().first = std::max(part.first, log_start_);
    found.end = part.end;
    found.bytes += part.bytes;
    if (part.end > found.dirty) found.dirty_bytes += part.bytes;
  }
  const bool dirty = static_cast<double>(found.dirty_bytes) >=
                     rules.min_dirty_ratio * static_cast<double>(found.bytes);
  const bool due = next_horizon_ms_ <= now.unix_millis;
  found.worth_it = !found.parts.empty() && ((found.dirty_bytes > 0 && dirty) || due);
  return found;
}

bool PartitionLog::wants_roll(const CompactionRules& rules, WallTime now) const {
  return !parts_.empty() && parts_.back().segment == context_.committer.segment() &&
         now.unix_millis - opened_ms_ >= rules.segment_ms;
}

std::vector<Part>::iterator PartitionLog::find_part(Segment segment) {
  const auto found = std::ranges::lower_bound(parts_, segment, {}, &Part::segment);
  return found == parts_.end() || found->segment != segment ? parts_.end() : found;
}

Result<bool> PartitionLog::rewrite(Segment segment, std::vector<Rewrite> rewrites,
                                   std::span<const KeyEntry> dropped) {
  const auto part = find_part(segment);
  if (part == parts_.end()) return false;
  std::uint64_t old_bytes = 0;
  for (const Rewrite& rewrite : rewrites) old_bytes += rewrite.old_bytes;
  if (old_bytes > part->bytes) {
    return fail(Code::corrupt, fmt::format("segment {} holds more of it than the {} bytes that its "
                                           "part says",
                                           segment, part->bytes));
  }
  if (has_key_index()) context_.committer.forget_keys(segment, id_, dropped);
  for (Rewrite& rewrite : rewrites) {
    part->bytes += rewrite.value.size();
    context_.segments.appended(segment, rewrite.value.size());
    part->bytes -= rewrite.old_bytes;
    context_.segments.removed(segment, rewrite.old_bytes);
    context_.committer.rewrite_log(segment, id_, std::move(rewrite));
  }
  if (rewrites.empty()) return true;
  stage_part(*part);
  // That it has holes must not depend on this pass getting to its end.
  if (!ever_cleaned_) set_cleaned(cleaned_, next_horizon_ms_);
  return true;
}

void PartitionLog::finish_part(Segment segment, std::optional<std::int64_t> max_timestamp) {
  const auto part = find_part(segment);
  if (part == parts_.end()) return;
  const auto next = std::next(part);
  if (max_timestamp || next == parts_.end()) {
    const std::int64_t newest = max_timestamp.value_or(-1);
    if (part->max_timestamp == newest) return;
    // It may be the time at which a delayed record came, which no record tells.
    if (max_timestamp && delays_.ever()) return;
    part->max_timestamp = newest;
    return stage_part(*part);
  }
  next->first = part->first;
  stage_part(*next);
  context_.committer.erase(part_key(id_, segment));
  context_.segments.removed(segment, part->bytes);
  parts_.erase(part);
}

void PartitionLog::set_cleaned(Offset end, std::int64_t next_horizon_ms) {
  cleaned_ = end;
  next_horizon_ms_ = next_horizon_ms;
  ever_cleaned_ = true;
  Buffer value;
  append_be(value, cleaned_);
  append_be(value, next_horizon_ms_);
  context_.committer.put(cleaned_key(id_), std::move(value));
}

void PartitionLog::set_key_index(bool on) {
  if (on == has_key_index()) return;
  if (on) {
    indexed_from_ = end_;
    return stage_indexed_from(end_);
  }
  for (const Part& part : parts_) context_.committer.forget_keys(part.segment, id_);
  context_.committer.erase(indexed_key(id_));
  indexed_from_.reset();
  ++index_epoch_;
}

std::optional<Unindexed> PartitionLog::unindexed() const {
  if (!indexed_from_) return std::nullopt;
  for (auto part = parts_.rbegin(); part != parts_.rend(); ++part) {
    const Offset first = std::max(part->first, log_start_);
    const Offset end = std::min(part->end, *indexed_from_);
    if (first < end) return Unindexed{part->segment, first, end, index_epoch_};
  }
  return std::nullopt;
}

bool PartitionLog::index_keys(Segment segment, std::span<const KeyEntry> entries) {
  if (find_part(segment) == parts_.end()) return false;
  context_.committer.index_keys(segment, id_, entries);
  return true;
}

Offset PartitionLog::stage_indexed(Segment segment) {
  const auto part = find_part(segment);
  if (part == parts_.end()) return *indexed_from_;
  const Offset from = std::min(*indexed_from_, part->first);
  stage_indexed_from(from);
  return from;
}

void PartitionLog::stage_indexed_from(Offset from) {
  Buffer value;
  append_be(value, from);
  context_.committer.put(indexed_key(id_), std::move(value));
}

void PartitionLog::expire_producers(WallTime now) {
  for (const std::int64_t forgotten : producers_.expire(now)) {
    context_.committer.erase(producer_key(id_, forgotten));
  }
}

std::uint64_t PartitionLog::bytes() const {
  std::uint64_t bytes = 0;
  for (const Part& part : parts_) bytes += part.bytes;
  return bytes;
}

}  // namespace sluice::broker
