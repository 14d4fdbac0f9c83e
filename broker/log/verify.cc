#include "broker/log/verify.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "shared/base/hex.h"

namespace sluice::broker {
namespace {

constexpr std::size_t kReadaheadBytes = 4 << 20;

// Only compaction leaves a batch fewer records than offsets.
Result<void> check_batch(const wire::RecordBatchView& batch, bool sparse) {
  if (!sparse) return batch.validate_deep();
  TRY_VOID(batch.validate_stored());
  return batch.validate_records();
}

}  // namespace

std::string shown_key(ByteView key) {
  return hex(key.substr(0, 64));
}

bool VerifyReport::clean() const {
  return findings_left_off == 0 && std::ranges::all_of(findings, &Finding::warning);
}

VerifyReport Verifier::run() {
  read_state();
  if (format_known_) {
    read_log();
    check_index_owners();
    check_delays();
    report_.index_entries = index_.entries();
  }
  return std::move(report_);
}

void Verifier::found(Finding finding) {
  if (report_.findings.size() < kFindingsMax) {
    report_.findings.push_back(std::move(finding));
  } else {
    report_.findings_left_off += 1;
  }
}

void Verifier::found(const Partition& partition, Offset offset, std::string what, bool warning) {
  found({.warning = warning,
         .topic = partition.topic,
         .partition = partition.index,
         .offset = offset,
         .what = std::move(what)});
}

void Verifier::read_log() {
  auto cursor = store_.cursor(Family::log, kReadaheadBytes);
  cursor->seek("");
  Reading reading;
  for (;;) {
    if (!cursor->valid()) {
      const auto status = cursor->status();
      if (status) break;
      const PartKey after = skip_damaged(reading, status.error().context);
      const auto next = parts_.upper_bound(after);
      if (next == parts_.end()) return;
      begin_part(reading, next->first);
      cursor = store_.cursor(Family::log, kReadaheadBytes);
      cursor->seek(log_key(next->first.first, next->first.second, 0));
      continue;
    }
    const auto key = parse_log_key(cursor->key());
    if (!key) {
      found({.what = fmt::format("a log key is damaged: {}", shown_key(cursor->key()))});
    } else if (forgotten(key->partition, key->last_offset)) {
      report_.forgotten_bytes += cursor->value().size();
    } else {
      if (reading.part == nullptr || reading.key != PartKey(key->segment, key->partition)) {
        end_part(reading);
        begin_part(reading, {key->segment, key->partition});
      }
      if (reading.part != nullptr) read_value(reading, key->last_offset, cursor->value());
    }
    cursor->next();
  }
  end_part(reading);
  for (const auto& [key, seen] : parts_) {
    const Partition& partition = partitions_.at(key.second);
    const Part& part = partition.parts.at(key.first);
    if (!seen) {
      begin_index(key, partition);
      index_.end_part();
    }
    if (seen || part.first == part.end || may_be_empty(partition, part)) continue;
    found(partition, part.first,
          fmt::format("the records up to offset {} are missing: segment {} holds none of it",
                      part.end - 1, key.first));
  }
}

// What a part holds behind the damage cannot be said; the next part may be whole.
Verifier::PartKey Verifier::skip_damaged(Reading& reading, std::string_view why) {
  const PartKey key = reading.part != nullptr ? reading.key : PartKey{};
  const bool complete = reading.part != nullptr && reading.next == reading.part->end;
  const bool last = parts_.upper_bound(key) == parts_.end();
  if (!complete || last) {
    found({.topic = reading.part ? reading.partition->topic : "",
           .partition = reading.part ? reading.partition->index : -1,
           .offset = reading.part ? reading.next : -1,
           .what = fmt::format("the records from here on cannot be read: {}", why)});
    reading.broken = true;
  }
  end_part(reading);
  return key;
}

// Its space is not given back yet.
bool Verifier::forgotten(PartitionId id, Offset offset) const {
  const auto partition = partitions_.find(id);
  if (partition == partitions_.end()) return id < next_partition_;
  return offset < partition->second.log_start.value_or(0);
}

// Nothing was seen of the part: is that right?
bool Verifier::may_be_empty(const Partition& partition, const Part& part) {
  const Offset start = partition.log_start.value_or(0);
  if (start >= part.end) return true;
  // What compaction left of it may lie before the start, all of it.
  return partition.sparse && (part.bytes == 0 || start > part.first);
}

void Verifier::begin_part(Reading& reading, PartKey key) {
  reading = {.key = key};
  const auto partition = partitions_.find(key.second);
  if (partition == partitions_.end()) {
    return found({.what = fmt::format("segment {} holds records of partition number {}, which was "
                                      "never given out",
                                      key.first, key.second)});
  }
  const auto part = partition->second.parts.find(key.first);
  if (part == partition->second.parts.end()) {
    return found(
        partition->second, -1,
        fmt::format("segment {} holds records of it that its parts do not name", key.first));
  }
  reading.partition = &partition->second;
  reading.part = &part->second;
  reading.next = std::max(part->second.first, partition->second.log_start.value_or(0));
  parts_[key] = true;
  begin_index(key, partition->second);
}

void Verifier::begin_index(PartKey key, const Partition& partition) {
  index_.give_up_part();
  if (!partition.indexed_from) return;
  index_.begin_part(key.first,
                    {.id = key.second,
                     .log_start = partition.log_start.value_or(0),
                     .indexed_from = *partition.indexed_from},
                    [this, &partition](Offset offset, std::string what) {
                      found(partition, offset, std::move(what));
                    });
}

void Verifier::check_index_owners() {
  const auto owned = [this](Segment segment, PartitionId id) {
    const auto partition = partitions_.find(id);
    return partition != partitions_.end() && partition->second.indexed_from &&
           partition->second.parts.contains(segment);
  };
  index_.check_owners(
      owned, [this](PartitionId id, Offset offset) { return forgotten(id, offset); },
      [this](Offset, std::string what) { found({.what = std::move(what)}); });
}

void Verifier::read_value(Reading& reading, Offset last_offset, ByteView value) {
  report_.values += 1;
  report_.bytes += value.size();
  reading.bytes += value.size();
  const auto batches = wire::split_batches(value);
  if (!batches || batches->empty()) {
    found(*reading.partition, reading.next,
          fmt::format("what is stored up to offset {} is no record batch: {}", last_offset,
                      batches ? "it is empty" : batches.error().context));
    index_.give_up_part();
    reading.next = last_offset + 1;
    return;
  }
  for (const auto& batch : *batches) {
    report_.batches += 1;
    report_.records += static_cast<std::uint64_t>(std::max(batch.record_count(), 0));
    reading.max_timestamp = std::max(reading.max_timestamp, batch.max_timestamp_ms());
    if (const auto valid = check_batch(batch, reading.partition->sparse); !valid) {
      found(*reading.partition, batch.base_offset(),
            fmt::format("a record batch is damaged: {}", valid.error().context));
      index_.give_up_part();
    }
    index_.add(batch);
    check_follows(reading, batch);
  }
  if (batches->back().last_offset() != last_offset) {
    found(*reading.partition, last_offset,
          fmt::format("stored as the end of records that end at offset {}",
                      batches->back().last_offset()));
  }
}

// The one place that says which offsets may come next.
void Verifier::check_follows(Reading& reading, const wire::RecordBatchView& batch) {
  const Partition& partition = *reading.partition;
  const Offset base = batch.base_offset();
  // The batch that holds the log's start may begin before it; later ones begin where one ended.
  const bool holds_start =
      partition.log_start && reading.next == *partition.log_start && base <= reading.next;
  const bool below = batch.last_offset() < reading.next;
  if (partition.sparse ? base < reading.next && !holds_start
                       : base != reading.next && !holds_start) {
    found(partition, std::min(base, reading.next),
          base > reading.next
              ? fmt::format("the records from {} to {} are missing", reading.next, base - 1)
              : fmt::format("offset {} is stored twice", base));
  }
  if (!below) reading.next = batch.last_offset() + 1;
}

void Verifier::end_part(Reading& reading) {
  if (reading.part == nullptr) return;
  const Partition& partition = *reading.partition;
  const Part& part = *reading.part;
  const bool trimmed = partition.log_start.value_or(0) > part.first;
  if (reading.broken) index_.give_up_part();
  index_.end_part();
  if (!reading.broken) {
    const bool last = &part == &partition.parts.rbegin()->second;
    const bool hole = partition.sparse && !last && reading.next < part.end;
    if (reading.next != part.end && !hole) {
      found(partition, std::min(reading.next, part.end),
            fmt::format("segment {} ends at offset {}, its part says {}", reading.key.first,
                        reading.next, part.end));
    }
    if (trimmed ? reading.bytes > part.bytes : reading.bytes != part.bytes) {
      found(partition, part.first,
            fmt::format("segment {} holds {} bytes of it, its part says {}", reading.key.first,
                        reading.bytes, part.bytes));
    }
    // A pass of compaction that was cut short has not said yet whose time is the newest now; and a
    // part is as new as the coming of its delayed records, who keep their own time.
    const bool newer = trimmed || partition.sparse || partition.delays;
    if (newer ? reading.max_timestamp > part.max_timestamp
              : reading.max_timestamp != part.max_timestamp) {
      found(partition, part.first,
            fmt::format("the newest record in segment {} is of {}, its part says {}",
                        reading.key.first, reading.max_timestamp, part.max_timestamp));
    }
  }
  reading = {};
}

}  // namespace sluice::broker
