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
constexpr std::size_t kFixedBytes = 8 + 4 + 8;

Buffer encode_offset(const CommittedOffset& offset) {
  Buffer value;
  append_be(value, offset.offset);
  append_be(value, offset.leader_epoch);
  append_be(value, offset.committed_at.unix_millis);
  value += offset.metadata;
  return value;
}

// Takes a length-prefixed name off the front of `rest`. False when it is cut short.
bool take_name(ByteView& rest, std::string& name) {
  if (rest.size() < 2) return false;
  const std::size_t length = load_be<std::uint16_t>(rest.data());
  rest.remove_prefix(2);
  if (rest.size() < length) return false;
  name = rest.substr(0, length);
  rest.remove_prefix(length);
  return true;
}

}  // namespace

Result<void> Offsets::recover() {
  const auto cursor = store_.cursor(Family::state, 0);
  const Buffer end = state_end(StateKind::offset);
  for (cursor->seek(state_key(StateKind::offset)); cursor->valid() && cursor->key() < end;
       cursor->next()) {
    ByteView key = cursor->key().substr(1);
    const ByteView value = cursor->value();
    std::string group;
    Partition partition;
    if (!take_name(key, group) || !take_name(key, partition.first) || key.size() != 4 ||
        value.size() < kFixedBytes) {
      return fail(Code::corrupt, fmt::format("a committed offset of group {} is damaged", group));
    }
    partition.second = load_be<std::int32_t>(key.data());
    CommittedOffset offset;
    offset.offset = load_be<std::int64_t>(value.data());
    offset.leader_epoch = load_be<std::int32_t>(value.data() + 8);
    offset.committed_at = {load_be<std::int64_t>(value.data() + 12)};
    offset.metadata = value.substr(kFixedBytes);
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
