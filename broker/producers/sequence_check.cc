#include "broker/producers/sequence_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "shared/base/check.h"

namespace sluice::broker {

using wire::ErrorCode;

namespace {

// The stored form, big-endian: version 1 byte, epoch 2, last use 8, count 1, then `count` batches,
// oldest first: base sequence 4, last sequence 4, base offset 8, timestamp 8.
constexpr char kVersion = 1;
constexpr std::size_t kHeadBytes = 12;
constexpr std::size_t kBatchBytes = 24;

constexpr std::int64_t kSequences = std::int64_t{1} << 31;

std::int32_t sequence_after(std::int32_t sequence, std::int32_t increment) {
  return static_cast<std::int32_t>((std::int64_t{sequence} + increment) % kSequences);
}

template <class T>
T take(ByteView& from) {
  const T value = load_be<T>(from.data());
  from.remove_prefix(sizeof value);
  return value;
}

std::unexpected<Error> corrupt(std::int64_t producer_id, std::string_view what) {
  return fail(Code::corrupt,
              fmt::format("stored state of producer {} is damaged: {}", producer_id, what));
}

}  // namespace

std::int32_t BatchIdentity::last_sequence() const {
  return sequence_after(base_sequence, record_count - 1);
}

void SequenceCheck::Producer::push(const Batch& batch) {
  if (count == kWindow) {
    std::shift_left(batches.begin(), batches.end(), 1);
    --count;
  }
  batches[count++] = batch;
}

Verdict SequenceCheck::check(const BatchIdentity& batch) const {
  if (batch.producer_id < 0) return Accept{};
  if (batch.producer_epoch < 0 || batch.base_sequence < 0 || batch.record_count < 1) {
    return Refuse{ErrorCode::invalid_record};
  }
  auto at = producers_.find(batch.producer_id);
  // Its state expired, or its topic was created anew under a running client: any sequence may be
  // next.
  if (at == producers_.end()) return Accept{};
  const Producer& known = at->second;

  if (batch.producer_epoch < known.epoch) return Refuse{ErrorCode::invalid_producer_epoch};
  if (batch.producer_epoch > known.epoch) {
    if (batch.base_sequence == 0) return Accept{};
    return Refuse{ErrorCode::out_of_order_sequence_number};
  }
  for (std::size_t i = 0; i < known.count; ++i) {
    const Batch& stored = known.batches[i];
    if (stored.base_sequence == batch.base_sequence &&
        stored.last_sequence == batch.last_sequence()) {
      return Duplicate{.base_offset = stored.base_offset, .timestamp = stored.timestamp};
    }
  }
  if (batch.base_sequence == sequence_after(known.last().last_sequence, 1)) return Accept{};
  // Also for a repetition from before the window, as Kafka does: DUPLICATE_SEQUENCE_NUMBER would
  // have the client report an offset that nobody knows any more.
  return Refuse{ErrorCode::out_of_order_sequence_number};
}

std::vector<std::int64_t> SequenceCheck::append(const BatchIdentity& batch,
                                                std::int64_t base_offset, WallTime now) {
  CHECK(batch.producer_id >= 0 && std::holds_alternative<Accept>(check(batch)));
  Producer producer;
  if (auto at = producers_.find(batch.producer_id); at != producers_.end()) producer = at->second;
  if (producer.epoch != batch.producer_epoch) producer.count = 0;
  producer.epoch = batch.producer_epoch;
  producer.last_used = now.unix_millis;
  producer.push({
      .base_sequence = batch.base_sequence,
      .last_sequence = batch.last_sequence(),
      .base_offset = base_offset,
      .timestamp = now.unix_millis,
  });
  put(batch.producer_id, producer);

  std::vector<std::int64_t> forgotten;
  for (auto oldest = by_use_.begin(); producers_.size() > std::max(options_.producers_max, 1uz);) {
    const std::int64_t producer_id = (oldest++)->second;
    // The wall clock may have stepped back: the newest must not be taken for the oldest.
    if (producer_id == batch.producer_id) continue;
    forget(producer_id);
    forgotten.push_back(producer_id);
  }
  return forgotten;
}

std::vector<std::int64_t> SequenceCheck::expire(WallTime now, std::size_t limit) {
  std::vector<std::int64_t> forgotten;
  const std::int64_t oldest_kept = now.unix_millis - options_.expiration.count();
  while (!by_use_.empty() && by_use_.begin()->first <= oldest_kept && forgotten.size() < limit) {
    forgotten.push_back(by_use_.begin()->second);
    forget(forgotten.back());
  }
  return forgotten;
}

Buffer SequenceCheck::encode(std::int64_t producer_id) const {
  auto at = producers_.find(producer_id);
  CHECK(at != producers_.end());
  const Producer& producer = at->second;
  Buffer stored;
  stored.reserve(kHeadBytes + producer.count * kBatchBytes);
  stored.push_back(kVersion);
  append_be(stored, producer.epoch);
  append_be(stored, producer.last_used);
  append_be(stored, producer.count);
  for (std::size_t i = 0; i < producer.count; ++i) {
    const Batch& batch = producer.batches[i];
    append_be(stored, batch.base_sequence);
    append_be(stored, batch.last_sequence);
    append_be(stored, batch.base_offset);
    append_be(stored, batch.timestamp);
  }
  return stored;
}

Result<void> SequenceCheck::restore(std::int64_t producer_id, ByteView stored) {
  if (producer_id < 0) return corrupt(producer_id, "the id is negative");
  if (stored.empty()) return corrupt(producer_id, "it is empty");
  if (stored.front() != kVersion) {
    return fail(Code::unsupported,
                fmt::format("stored state of producer {} has version {}, known is {}", producer_id,
                            int{stored.front()}, int{kVersion}));
  }
  if (stored.size() < kHeadBytes) return corrupt(producer_id, "it is too short");
  stored.remove_prefix(1);
  Producer producer;
  producer.epoch = take<std::int16_t>(stored);
  producer.last_used = take<std::int64_t>(stored);
  const auto count = take<std::uint8_t>(stored);
  if (producer.epoch < 0) return corrupt(producer_id, "the epoch is negative");
  if (count < 1 || count > kWindow) return corrupt(producer_id, "the window's size is not 1 to 5");
  if (stored.size() != count * kBatchBytes) return corrupt(producer_id, "its length is wrong");
  for (std::size_t i = 0; i < count; ++i) {
    Batch batch{};
    batch.base_sequence = take<std::int32_t>(stored);
    batch.last_sequence = take<std::int32_t>(stored);
    batch.base_offset = take<std::int64_t>(stored);
    batch.timestamp = take<std::int64_t>(stored);
    if (batch.base_sequence < 0 || batch.last_sequence < 0 || batch.base_offset < -1) {
      return corrupt(producer_id, "a sequence or offset is negative");
    }
    if (i > 0 && batch.base_sequence != sequence_after(producer.last().last_sequence, 1)) {
      return corrupt(producer_id, "the sequences have a gap");
    }
    producer.push(batch);
  }
  put(producer_id, producer);
  return {};
}

std::optional<ProducerView> SequenceCheck::find(std::int64_t producer_id) const {
  auto at = producers_.find(producer_id);
  if (at == producers_.end()) return std::nullopt;
  const Producer& producer = at->second;
  return ProducerView{
      .producer_id = producer_id,
      .producer_epoch = producer.epoch,
      .last_sequence = producer.last().last_sequence,
      .last_timestamp = producer.last().timestamp,
  };
}

std::vector<ProducerView> SequenceCheck::list() const {
  std::vector<ProducerView> views;
  views.reserve(producers_.size());
  for (const auto& [producer_id, producer] : producers_) views.push_back(*find(producer_id));
  return views;
}

void SequenceCheck::put(std::int64_t producer_id, const Producer& producer) {
  forget(producer_id);
  producers_.emplace(producer_id, producer);
  by_use_.emplace(producer.last_used, producer_id);
}

void SequenceCheck::forget(std::int64_t producer_id) {
  auto at = producers_.find(producer_id);
  if (at == producers_.end()) return;
  by_use_.erase({at->second.last_used, producer_id});
  producers_.erase(at);
}

}  // namespace sluice::broker
