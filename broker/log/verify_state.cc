// The half of the verifier that reads the state: what the topics, partitions and groups say of
// themselves and of each other, before their records are looked at.

#include <fmt/format.h>

#include "broker/log/verify.h"
#include "broker/producers/sequence_check.h"

namespace sluice::broker {
namespace {

constexpr std::size_t kReadaheadBytes = 4 << 20;

}  // namespace

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
    found({.what = fmt::format("a stored key of no known kind: {}", shown_key(cursor->key()))});
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

}  // namespace sluice::broker
