#include "broker/log/partition_delays.h"

#include <algorithm>
#include <utility>

#include "shared/base/check.h"
#include "shared/wire/io.h"

namespace sluice::broker {

Result<void> PartitionDelays::restore(ByteView value) {
  wire::Reader stored(value);
  pending_ = stored.integer<std::uint64_t>();
  next_sequence_ = stored.integer<std::uint64_t>();
  if (!stored.finished() || pending_ > next_sequence_) {
    return fail(Code::corrupt, "how many delayed records it has is damaged");
  }
  context_.delays.pending += pending_;
  return {};
}

bool PartitionDelays::fits(std::size_t count) const {
  const DelayedCount& all = context_.delays;
  return all.pending <= all.pending_max && count <= all.pending_max - all.pending;
}

DelayPosition PartitionDelays::stage(std::vector<DelayedRecord> records) {
  CHECK(!records.empty());
  const auto first = std::ranges::min_element(records, {}, &DelayedRecord::due_ms);
  const DelayPosition earliest{
      first->due_ms, next_sequence_ + static_cast<std::uint64_t>(first - records.begin())};
  for (DelayedRecord& record : records) {
    context_.committer.put_delayed(delay_key(id_, {record.due_ms, next_sequence_++}),
                                   std::move(record.batch));
  }
  pending_ += records.size();
  context_.delays.pending += records.size();
  stage_count();
  return earliest;
}

void PartitionDelays::stage_gone(std::span<const DelayPosition> positions) {
  if (positions.empty()) return;
  CHECK(positions.size() <= pending_);
  for (const DelayPosition at : positions) context_.committer.erase_delayed(delay_key(id_, at));
  pending_ -= positions.size();
  context_.delays.pending -= positions.size();
  stage_count();
}

void PartitionDelays::erase() {
  if (!ever()) return;
  context_.committer.erase_delayed(id_);
  context_.committer.erase(delayed_key(id_));
  context_.delays.pending -= pending_;
  pending_ = 0;
}

void PartitionDelays::stage_count() {
  Buffer value;
  append_be(value, pending_);
  append_be(value, next_sequence_);
  context_.committer.put(delayed_key(id_), std::move(value));
}

}  // namespace sluice::broker
