#include "broker/offsets.h"

#include <fmt/format.h>

namespace sluice::broker {
namespace {

Buffer offset_key(const std::string& group, const Offsets::Partition& partition) {
  Buffer key = state_key(StateKind::offset);
  append_be(key, static_cast<std::uint16_t>(group.size()));
  key += group;
  append_be(key, static_cast<std::uint16_t>(partition.first.size()));
  key += partition.first;
  append_be(key, partition.second);
  return key;
}

// <offset i64><leader epoch i32><committed at i64><metadata>
Buffer encode_offset(const CommittedOffset& offset) {
  Buffer value;
  append_be(value, offset.offset);
  append_be(value, offset.leader_epoch);
  append_be(value, offset.committed_at.unix_millis);
  value += offset.metadata;
  return value;
}

}  // namespace

Result<void> Offsets::recover() {
  const auto cursor = store_.cursor(Family::state, 0);
  const Buffer end = state_end(StateKind::offset);
  for (cursor->seek(state_key(StateKind::offset)); cursor->valid() && cursor->key() < end;
       cursor->next()) {
    wire::Reader key(cursor->key().substr(1));
    const std::string group(take_text(key));
    Partition partition;
    partition.first = take_text(key);
    partition.second = key.integer<std::int32_t>();
    wire::Reader value(cursor->value());
    CommittedOffset offset;
    offset.offset = value.integer<std::int64_t>();
    offset.leader_epoch = value.integer<std::int32_t>();
    offset.committed_at = {value.integer<std::int64_t>()};
    if (!key.finished() || !value.ok()) {
      return fail(Code::corrupt, fmt::format("a committed offset of group {} is damaged", group));
    }
    offset.metadata = value.take(value.remaining());
    groups_[group].insert_or_assign(std::move(partition), std::move(offset));
    ++count_;
  }
  return cursor->status();
}

const CommittedOffset* Offsets::find(const std::string& group, const Partition& partition) const {
  const Group* offsets = find_group(group);
  if (offsets == nullptr) return nullptr;
  const auto found = offsets->find(partition);
  return found == offsets->end() ? nullptr : &found->second;
}

const Offsets::Group* Offsets::find_group(const std::string& group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? nullptr : &found->second;
}

Result<void> Offsets::stage(const std::string& group, const Partition& partition,
                            CommittedOffset offset) {
  if (offset.metadata.size() > kMetadataBytesMax) {
    return fail(Code::too_large,
                fmt::format("offset metadata is limited to {} bytes", kMetadataBytesMax));
  }
  if (find(group, partition) == nullptr) {
    if (count_ >= kOffsetsMax) {
      return fail(Code::overloaded,
                  fmt::format("at most {} committed offsets are kept", kOffsetsMax));
    }
    ++count_;
  }
  committer_.put(offset_key(group, partition), encode_offset(offset));
  groups_[group].insert_or_assign(partition, std::move(offset));
  return {};
}

void Offsets::stage_erase_group(const std::string& group) {
  const auto found = groups_.find(group);
  if (found == groups_.end()) return;
  for (const auto& [partition, offset] : found->second) {
    committer_.erase(offset_key(group, partition));
  }
  count_ -= found->second.size();
  groups_.erase(found);
}

void Offsets::stage_erase_topic(const std::string& topic) {
  for (auto& [group, offsets] : groups_) {
    for (auto entry = offsets.lower_bound({topic, 0});
         entry != offsets.end() && entry->first.first == topic;) {
      committer_.erase(offset_key(group, entry->first));
      entry = offsets.erase(entry);
      --count_;
    }
  }
}

}  // namespace sluice::broker
