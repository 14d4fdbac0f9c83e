#include "broker/log/verify_delays.h"

#include <utility>

#include <fmt/format.h>

#include "broker/log/delay_reader.h"
#include "shared/wire/io.h"

namespace sluice::broker {
namespace {

constexpr std::size_t kReadaheadBytes = 4 << 20;

}  // namespace

bool DelayVerifier::expect(PartitionId partition, ByteView value) {
  wire::Reader stored(value);
  Count count;
  count.pending = stored.integer<std::uint64_t>();
  count.next_sequence = stored.integer<std::uint64_t>();
  counts_.emplace(partition, count);
  return stored.finished() && count.pending <= count.next_sequence;
}

void DelayVerifier::run(const Report& report) {
  const auto cursor = store_.cursor(Family::delay, kReadaheadBytes);
  for (cursor->seek(""); cursor->valid(); cursor->next()) {
    read(cursor->key(), cursor->value(), report);
  }
  if (const auto status = cursor->status(); !status) {
    return report(std::nullopt,
                  fmt::format("the delayed records cannot be read on: {}", status.error().context));
  }
  for (const auto& [partition, count] : counts_) {
    if (count.seen == count.pending) continue;
    report(partition, fmt::format("{} delayed records of it are there, {} are counted", count.seen,
                                  count.pending));
  }
}

void DelayVerifier::read(ByteView key, ByteView value, const Report& report) {
  const auto parsed = parse_delay_key(key);
  if (!parsed) return report(std::nullopt, "the key of a delayed record is damaged");
  const auto [partition, at] = *parsed;
  const auto count = counts_.find(partition);
  if (count == counts_.end()) {
    if (std::exchange(ownerless_, partition) == partition) return;
    return report(partition, fmt::format("there are delayed records of partition number {}, of "
                                         "which none are counted",
                                         partition));
  }
  count->second.seen += 1;
  if (at.sequence >= count->second.next_sequence) {
    return report(partition, fmt::format("the delayed record {}-{} has a sequence that was never "
                                         "given out",
                                         at.due_ms, at.sequence));
  }
  if (const auto batch = delayed_batch(value); !batch) {
    return report(partition, fmt::format("the delayed record {}-{} is damaged: {}", at.due_ms,
                                         at.sequence, batch.error().context));
  }
  records_ += 1;
}

}  // namespace sluice::broker
