#include "broker/log/committer.h"

#include <limits>
#include <utility>

#include "broker/log/delay_keys.h"
#include "shared/base/check.h"

namespace sluice::broker {
namespace {

// What an operation on a tiny value takes in memory beside its bytes, about.
constexpr std::size_t kOperationBytes = 96;

}  // namespace

Committer::Committer(Store& store, Offload& thread, const Clock& clock, CommitterOptions options)
    : store_(store), thread_(thread), clock_(clock), options_(options) {}

Committer::~Committer() = default;

void Committer::append(PartitionId partition, Offset last_offset, ByteView batch,
                       std::uint64_t keys) {
  Run& run = runs_[partition];
  if (!run.bytes.empty() && (run.bytes.size() + batch.size() > kCoalescedBytesMax ||
                             run.keys + keys > kCoalescedKeysMax)) {
    seal(partition, std::exchange(run, {}));
  }
  run.bytes.append(batch);
  run.last_offset = last_offset;
  run.keys += keys;
  staged_bytes_ += batch.size() + keys * kIndexEntryBytes;
}

void Committer::put(Buffer state_key, Buffer value) {
  staged_bytes_ += state_key.size() + value.size();
  states_.insert_or_assign(std::move(state_key), std::move(value));
}

void Committer::erase(Buffer state_key) {
  staged_bytes_ += state_key.size();
  states_.insert_or_assign(std::move(state_key), std::nullopt);
}

void Committer::erase_partition(PartitionId partition) {
  runs_.erase(partition);
  const Buffer producers_from = producer_key(partition, 0);
  const Buffer producers_to = producer_key(partition, std::numeric_limits<std::int64_t>::max());
  states_.erase(states_.lower_bound(producers_from), states_.upper_bound(producers_to));
  sealed_.erase_range(Family::state, producers_from, producers_to);
  erase(partition_key(partition));
  erase(cleaned_key(partition));
}

void Committer::rewrite_log(Segment segment, PartitionId partition, Rewrite rewrite) {
  CHECK(segment < segment_);
  const auto erase = [&](Offset from, Offset end) {
    if (from >= end) return;
    sealed_.erase_range(Family::log, log_key(segment, partition, from),
                        log_key(segment, partition, end));
  };
  if (rewrite.new_last < 0) return erase(rewrite.from, rewrite.last + 1);
  erase(rewrite.from, rewrite.new_last);
  erase(rewrite.new_last + 1, rewrite.last + 1);
  staged_bytes_ += rewrite.value.size();
  sealed_.put(Family::log, log_key(segment, partition, rewrite.new_last), std::move(rewrite.value));
}

void Committer::index_keys(Segment segment, PartitionId partition,
                           std::span<const KeyEntry> entries) {
  for (const KeyEntry& entry : entries) {
    sealed_.put(Family::index, index_key(segment, partition, entry.hash, entry.offset), {});
  }
  staged_bytes_ += entries.size() * kIndexEntryBytes;
}

void Committer::forget_keys(Segment segment, PartitionId partition,
                            std::span<const KeyEntry> entries) {
  for (const KeyEntry& entry : entries) {
    sealed_.erase(Family::index, index_key(segment, partition, entry.hash, entry.offset));
  }
  staged_bytes_ += entries.size() * kIndexEntryBytes;
}

void Committer::forget_keys(Segment segment, PartitionId partition) {
  seal_staged(segment, partition);
  sealed_.erase_range(Family::index, index_key(segment, partition, 0, 0),
                      index_part_end(segment, partition));
}

void Committer::put_delayed(Buffer key, Buffer record) {
  staged_bytes_ += key.size() + record.size() + kOperationBytes;
  sealed_.put(Family::delay, std::move(key), std::move(record));
}

void Committer::erase_delayed(Buffer key) {
  staged_bytes_ += key.size() + kOperationBytes;
  sealed_.erase(Family::delay, std::move(key));
}

void Committer::erase_delayed(PartitionId partition) {
  sealed_.erase_range(Family::delay, delay_key(partition, {}), delay_end(partition));
}

Task<Result<void>> Committer::commit(Durability durability) {
  if (failure_) co_return std::unexpected(*failure_);
  if (paused_) co_return std::unexpected(*paused_);
  const bool staged = anything_staged();
  if (!staged && !writing_) co_return Result<void>();
  Waiter done;
  (staged ? waiters_ : riders_).of(durability).push_back(&done);
  if (!pumping_) gate_.spawn(pump());
  co_return co_await done;
}

bool Committer::anything_staged() const {
  return !runs_.empty() || !states_.empty() || !sealed_.operations().empty() || roll_asked_;
}

std::string Committer::refusal() const {
  if (failure_) return failure_->context;
  if (paused_) return paused_->context;
  return store_.refuses_writes();
}

// While the disk is full requests come through, to be refused.
Task<void> Committer::room() {
  while (full() && !failure_ && !paused_) {
    OneShot<bool> freed;
    room_waiters_.push_back(&freed);
    co_await freed;
  }
}

Task<void> Committer::pump() {
  pumping_ = true;
  while (!waiters_.empty()) {
    Unwritten next = take_next();
    riders_ = std::exchange(waiters_, {});
    const auto result = co_await write(next);
    if (!result && paused_) {
      unwritten_ = std::move(next);
      // What was staged meanwhile goes with it.
      riders_.join(std::exchange(waiters_, {}));
    }
    answer_all(result);
  }
  pumping_ = false;
}

void Committer::retry() {
  if (!paused_ || pumping_ || !store_.refuses_writes().empty()) return;
  gate_.spawn(catch_up());
}

// First what did not fit, then what was staged with it. Appends are refused meanwhile.
Task<void> Committer::catch_up() {
  pumping_ = true;
  bool more = true;
  while (unwritten_) {
    if (const auto written = co_await write(*unwritten_); !written) break;
    unwritten_.reset();
    if (std::exchange(more, false) && anything_staged()) unwritten_ = take_next();
  }
  if (!unwritten_ && !failure_) {
    paused_.reset();
    if (caught_up_) caught_up_();
  }
  answer_all({});
  pumping_ = false;
}

Task<Result<void>> Committer::write(Unwritten& next) {
  writing_ = true;
  const Instant started = clock_.now();
  auto steps = riders_.written.empty() ? in_one_step(next) : in_two_steps(next);
  const Result<void> result = co_await steps;
  writing_ = false;
  stats_.commits += 1;
  stats_.bytes += next.batch.bytes();
  if (on_write_) on_write_(next.batch.bytes(), clock_.now() - started);
  if (!result) (result.error().code == Code::overloaded ? paused_ : failure_) = result.error();
  co_return result;
}

Task<Result<void>> Committer::in_one_step(Unwritten& next) {
  auto job = [this, &next]() -> Result<void> {
    next.batch = with_key_entries(std::move(next.batch));
    TRY_VOID(store_.write(next.batch));
    return next.last_of_segment ? store_.roll_log() : Result<void>();
  };
  co_return co_await thread_.run(std::move(job));
}

Task<Result<void>> Committer::in_two_steps(Unwritten& next) {
  auto write = [this, &next] {
    next.batch = with_key_entries(std::move(next.batch));
    return store_.write_unsynced(next.batch);
  };
  const Result<void> written = co_await thread_.run(std::move(write));
  if (!written) co_return written;
  answer(riders_.written, {});
  auto sync = [this, &next]() -> Result<void> {
    TRY_VOID(store_.sync());
    return next.last_of_segment ? store_.roll_log() : Result<void>();
  };
  co_return co_await thread_.run(std::move(sync));
}

void Committer::Waiters::join(Waiters others) {
  synced.insert(synced.end(), others.synced.begin(), others.synced.end());
  written.insert(written.end(), others.written.begin(), others.written.end());
}

void Committer::answer(std::vector<Waiter*>& waiters, const Result<void>& result) {
  stats_.requests += waiters.size();
  for (auto* waiter : std::exchange(waiters, {})) waiter->set(result);
}

void Committer::answer_all(const Result<void>& result) {
  answer(riders_.written, result);
  answer(riders_.synced, result);
  for (auto* waiter : std::exchange(room_waiters_, {})) waiter->set(true);
}

Committer::Unwritten Committer::take_next() {
  WriteBatch batch = take_staged();
  const bool last_of_segment = ends_segment(batch.bytes() + batch.keys() * kIndexKeyBytes);
  return {std::move(batch), last_of_segment};
}

// Called between two writes: what is staged from now on belongs to the new segment.
bool Committer::ends_segment(std::size_t bytes) {
  segment_bytes_ += bytes;
  if (segment_bytes_ < options_.segment_bytes && !roll_asked_) return false;
  roll_asked_ = false;
  segment_bytes_ = 0;
  ++segment_;
  return true;
}

WriteBatch Committer::take_staged() {
  for (auto& [partition, run] : std::exchange(runs_, {})) seal(partition, std::move(run));
  for (auto& [key, value] : std::exchange(states_, {})) {
    if (value) {
      sealed_.put(Family::state, key, std::move(*value));
    } else {
      sealed_.erase(Family::state, key);
    }
  }
  staged_bytes_ = 0;
  return std::exchange(sealed_, {});
}

void Committer::seal(PartitionId partition, Run run) {
  if (!run.bytes.empty()) {
    sealed_.put(Family::log, log_key(segment_, partition, run.last_offset), std::move(run.bytes),
                run.keys);
  }
}

void Committer::seal_staged(Segment segment, PartitionId partition) {
  const auto run = runs_.find(partition);
  if (run != runs_.end() && segment == segment_) seal(partition, std::exchange(run->second, {}));
}

}  // namespace sluice::broker
