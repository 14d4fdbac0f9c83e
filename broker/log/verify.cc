#include "broker/log/verify.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "broker/producers/sequence_check.h"
#include "shared/base/hex.h"

namespace sluice::broker {
namespace {

constexpr std::size_t kReadaheadBytes = 4 << 20;

// Of a key that may be of any length.
std::string shown(ByteView key) {
  return hex(key.substr(0, 64));
}

// Only compaction leaves a batch fewer records than offsets.
Result<void> check_batch(const wire::RecordBatchView& batch, bool sparse) {
  if (!sparse) return batch.validate_deep();
  TRY_VOID(batch.validate_stored());
  return batch.validate_records();
}

}  // namespace

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

template <class Visit>
void Verifier::each(StateKind kind, Visit visit) {
  const auto cursor = store_.cursor(Family::state, kReadaheadBytes);
  const Buffer end = state_end(kind);
  for (cursor->seek(state_key(kind)); cursor->valid() && cursor->key() < end; cursor->next()) {
    visit(cursor->key().substr(1), cursor->value());
  }
  if (const auto status = cursor->status(); !status) {
    found({.what = fmt::format("the state cannot be read on, so more may be reported than is "
                               "wrong: {}",
                               status.error().context)});
  }
}

void Verifier::read_state() {
  check_kinds();
  each(StateKind::meta, [this](ByteView name, ByteView value) { read_meta(name, value); });
  if (!format_known_) return;
  each(StateKind::topic, [this](ByteView name, ByteView value) { read_topic(name, value); });
  each(StateKind::partition, [this](ByteView key, ByteView value) { read_partition(key, value); });
  each(StateKind::part, [this](ByteView key, ByteView value) { read_part(key, value); });
  each(StateKind::cleaned, [this](ByteView key, ByteView value) { read_cleaned(key, value); });
  each(StateKind::indexed, [this](ByteView key, ByteView value) { read_indexed(key, value); });
  each(StateKind::delayed,
       [this](ByteView key, ByteView value) { read_delayed_count(key, value); });
  for (const auto& [name, ids] : topics_) {
    for (const PartitionId id : ids) check_partition(partitions_.at(id));
  }
  each(StateKind::producer, [this](ByteView key, ByteView value) { read_producer(key, value); });
  each(StateKind::offset, [this](ByteView key, ByteView value) { read_offset(key, value); });
}

// Every key is of a kind that is known.
void Verifier::check_kinds() {
  const auto cursor = store_.cursor(Family::state, 0);
  for (cursor->seek(""); cursor->valid();) {
    const StateKind kind = cursor->key().empty() ? StateKind{} : StateKind{cursor->key().front()};
    switch (kind) {
      case StateKind::meta:
      case StateKind::topic:
      case StateKind::partition:
      case StateKind::part:
      case StateKind::cleaned:
      case StateKind::indexed:
      case StateKind::delayed:
      case StateKind::producer:
      case StateKind::offset:
        cursor->seek(state_end(kind));
        continue;
    }
    found({.what = fmt::format("a stored key of no known kind: {}", shown(cursor->key()))});
    cursor->next();
  }
}

void Verifier::read_meta(ByteView name, ByteView value) {
  wire::Reader stored(value);
  if (name == "format") {
    const auto version = stored.integer<std::uint32_t>();
    format_known_ = stored.finished() && readable_format(version);
    if (format_known_) return;
    return found({.what = fmt::format("the stored format version is {}, this program reads {}",
                                      stored.finished() ? std::to_string(version) : "damaged",
                                      kFormatVersion)});
  }
  if (name == "next_partition") {
    next_partition_ = stored.integer<PartitionId>();
  } else if (name == "next_producer_id") {
    (void)stored.integer<std::int64_t>();
  } else if (name == "cluster_id") {
    (void)stored.take(36);
  } else {
    return found({.warning = true, .what = fmt::format("unknown stored fact \"{}\"", name)});
  }
  if (!stored.finished()) found({.what = fmt::format("the stored {} is damaged", name)});
}

void Verifier::read_topic(ByteView name, ByteView value) {
  report_.topics += 1;
  wire::Reader stored(value);
  (void)stored.take(16);
  std::vector<PartitionId> ids;
  bool wants_index = false;
  for (auto count = stored.integer<std::uint32_t>(); count > 0 && stored.ok(); --count) {
    ids.push_back(stored.integer<PartitionId>());
  }
  for (auto count = stored.integer<std::uint16_t>(); count > 0 && stored.ok(); --count) {
    const ByteView config = take_text(stored);
    const ByteView set = take_text(stored);
    if (config == kKeyIndexConfig) wants_index = set == "true";
  }
  const std::string topic(name);
  if (!stored.finished()) {
    return found({.topic = topic, .what = "its stored description is damaged"});
  }
  for (std::size_t index = 0; index < ids.size(); ++index) {
    Partition partition{.topic = topic,
                        .index = static_cast<std::int32_t>(index),
                        .wants_index = wants_index,
                        .indexed_from = {},
                        .log_start = {},
                        .parts = {}};
    if (ids[index] >= next_partition_) {
      found(partition, -1, fmt::format("its number {} was never given out", ids[index]));
    }
    if (!partitions_.emplace(ids[index], partition).second) {
      found(partition, -1, fmt::format("its number {} belongs to another one too", ids[index]));
    }
  }
  report_.partitions += ids.size();
  topics_.emplace(topic, std::move(ids));
}

// Takes the partition's number off the key. Null: nobody's, which is said.
Verifier::Partition* Verifier::owner(ByteView& rest, std::string_view what) {
  wire::Reader key(rest);
  const auto id = key.integer<PartitionId>();
  const auto place = partitions_.find(id);
  if (key.ok() && place != partitions_.end()) {
    rest.remove_prefix(sizeof(PartitionId));
    return &place->second;
  }
  found({.what = key.ok() ? fmt::format("{} of partition number {}, which no topic has", what, id)
                          : fmt::format("{} with a key that is cut short", what)});
  return nullptr;
}

void Verifier::read_partition(ByteView rest, ByteView value) {
  Partition* partition = owner(rest, "a stored start");
  if (partition == nullptr) return;
  wire::Reader stored(value);
  const auto start = stored.integer<Offset>();
  if (stored.finished() && rest.empty() && start >= 0) {
    partition->log_start = start;
  } else {
    found(*partition, -1, "its stored start is damaged");
  }
}

void Verifier::read_part(ByteView rest, ByteView value) {
  const ByteView whole = rest;
  Partition* partition = owner(rest, "a stored part");
  if (partition == nullptr) return;
  report_.parts += 1;
  wire::Reader key(rest);
  const auto segment = key.integer<Segment>();
  wire::Reader stored(value);
  Part part;
  part.first = stored.integer<Offset>();
  part.end = stored.integer<Offset>();
  part.max_timestamp = stored.integer<std::int64_t>();
  part.bytes = stored.integer<std::uint64_t>();
  if (!key.finished() || !stored.finished() || part.first < 0 || part.end < part.first) {
    return found(*partition, -1, "a stored part of it is damaged");
  }
  partition->parts.emplace(segment, part);
  parts_.emplace(PartKey(segment, load_be<PartitionId>(whole.data())), false);
}

// Whoever has this was compacted once, whatever its topic's cleanup.policy says today.
void Verifier::read_cleaned(ByteView rest, ByteView value) {
  Partition* partition = owner(rest, "a stored mark of compaction");
  if (partition == nullptr) return;
  partition->sparse = true;
  wire::Reader stored(value);
  const auto cleaned = stored.integer<Offset>();
  (void)stored.integer<std::int64_t>();  // when the next tombstone is due
  if (!stored.finished() || !rest.empty() || cleaned < 0) {
    return found(*partition, -1, "how far it was compacted is damaged");
  }
  const Offset start = partition->log_start.value_or(0);
  const Offset end = partition->parts.empty() ? start : partition->parts.rbegin()->second.end;
  if (cleaned > end) {
    found(*partition, end, fmt::format("it was compacted up to {}, but ends there", cleaned));
  }
}

void Verifier::read_indexed(ByteView rest, ByteView value) {
  Partition* partition = owner(rest, "a stored mark of the key index");
  if (partition == nullptr) return;
  wire::Reader stored(value);
  const auto from = stored.integer<Offset>();
  if (!stored.finished() || !rest.empty() || from < 0) {
    return found(*partition, -1, "how far it is indexed is damaged");
  }
  partition->indexed_from = from;
  const Offset start = partition->log_start.value_or(0);
  const Offset end = partition->parts.empty() ? start : partition->parts.rbegin()->second.end;
  if (from > end) {
    found(*partition, end, fmt::format("it is indexed from {} on, but ends there", from));
  }
}

void Verifier::read_delayed_count(ByteView rest, ByteView value) {
  const ByteView key = rest;
  Partition* partition = owner(rest, "a stored count of delayed records");
  if (partition == nullptr) return;
  partition->delays = true;
  if (!rest.empty() || !delays_.expect(load_be<PartitionId>(key.data()), value)) {
    found(*partition, -1, "how many delayed records it has is damaged");
  }
}

void Verifier::check_delays() {
  delays_.run([this](std::optional<PartitionId> id, std::string what) {
    const auto partition = id ? partitions_.find(*id) : partitions_.end();
    if (partition == partitions_.end()) return found({.what = std::move(what)});
    found(partition->second, -1, std::move(what));
  });
  report_.delayed_records = delays_.records();
}

void Verifier::check_partition(const Partition& partition) {
  if (partition.wants_index != partition.indexed_from.has_value()) {
    found(partition, -1,
          fmt::format("it has {} key index, but its topic says {}={}",
                      partition.indexed_from ? "a" : "no", kKeyIndexConfig, partition.wants_index));
  }
  if (!partition.log_start) return found(partition, -1, "its start is missing");
  std::optional<Offset> end;
  for (const auto& [segment, part] : partition.parts) {
    if (end && part.first != *end) {
      found(partition, *end,
            fmt::format("its part of segment {} begins at offset {}, the one before ends at {}",
                        segment, part.first, *end));
    }
    if (!end && (*partition.log_start < part.first || *partition.log_start > part.end)) {
      found(partition, *partition.log_start,
            fmt::format("it begins there, but its first part reaches from {} to {}", part.first,
                        part.end));
    }
    end = part.end;
  }
}

void Verifier::read_producer(ByteView rest, ByteView value) {
  const Partition* partition = owner(rest, "a stored producer");
  if (partition == nullptr) return;
  report_.producers += 1;
  wire::Reader key(rest);
  const auto id = key.integer<std::int64_t>();
  SequenceCheck producers{SequenceCheck::Options{}};
  if (!key.finished() || !producers.restore(id, value)) {
    found(*partition, -1, fmt::format("what is stored of producer {} is damaged", id));
  }
}

void Verifier::read_offset(ByteView rest, ByteView value) {
  report_.group_offsets += 1;
  wire::Reader key(rest);
  const ByteView group = take_text(key);
  const ByteView topic = take_text(key);
  const auto index = key.integer<std::int32_t>();
  wire::Reader stored(value);
  const auto offset = stored.integer<Offset>();
  (void)stored.take(4 + 8);  // leader epoch, time; the client's metadata follows
  if (!key.finished() || !stored.ok()) {
    return found({.topic = std::string(topic),
                  .what = fmt::format("a committed offset of group {} is damaged", group)});
  }
  const auto place = topics_.find(topic);
  const bool exists = place != topics_.end() && index >= 0 &&
                      static_cast<std::size_t>(index) < place->second.size();
  Finding finding{.warning = true,
                  .topic = std::string(topic),
                  .partition = index,
                  .offset = offset,
                  .what = fmt::format("group {} has committed an offset of a partition that does "
                                      "not exist",
                                      group)};
  if (!exists) return found(std::move(finding));
  const Partition& partition = partitions_.at(place->second[static_cast<std::size_t>(index)]);
  const Offset start = partition.log_start.value_or(0);
  const Offset end = partition.parts.empty() ? start : partition.parts.rbegin()->second.end;
  if (offset >= start && offset <= end) return;
  finding.what = fmt::format("group {} has committed it, but the partition reaches from {} to {}",
                             group, start, end);
  found(std::move(finding));
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
      found({.what = fmt::format("a log key is damaged: {}", shown(cursor->key()))});
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
