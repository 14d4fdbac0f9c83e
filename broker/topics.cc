#include "broker/topics.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sluice::broker {
namespace {

using wire::ErrorCode;

constexpr std::size_t kTopicNameBytesMax = 249;  // Kafka's, so that names fit its tools

constexpr std::string_view kNextPartition = "next_partition";

bool legal_name(std::string_view name) {
  if (name.empty() || name.size() > kTopicNameBytesMax || name == "." || name == "..") return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

// The value of a topic key: <id 16 bytes><partition count u32><partition u32>...
// <config count u16>(<name length u16><name><value length u16><value>)...
Buffer encode_topic(const Topic& topic) {
  Buffer bytes = topic.id;
  append_be(bytes, static_cast<std::uint32_t>(topic.partitions.size()));
  for (const auto& partition : topic.partitions) append_be(bytes, partition->id());
  append_be(bytes, static_cast<std::uint16_t>(topic.config.overrides().size()));
  for (const auto& [name, value] : topic.config.overrides()) {
    append_be(bytes, static_cast<std::uint16_t>(name.size()));
    bytes += name;
    append_be(bytes, static_cast<std::uint16_t>(value.size()));
    bytes += value;
  }
  return bytes;
}

}  // namespace

Topics::Topics(LogContext& log, Random& random, TopicLimits limits)
    : log_(log), random_(random), limits_(limits) {}

Result<void> Topics::recover() {
  const Buffer next_key = state_key(StateKind::meta, kNextPartition);
  TRY(next, log_.store.get(Family::state, next_key));
  if (next) {
    if (next->size() != sizeof(PartitionId)) {
      return fail(Code::corrupt, "the stored number of the next partition is damaged");
    }
    next_partition_ = load_be<PartitionId>(next->data());
  }

  const auto cursor = log_.store.cursor(Family::state, 0);
  const Buffer end = state_end(StateKind::topic);
  for (cursor->seek(state_key(StateKind::topic)); cursor->valid() && cursor->key() < end;
       cursor->next()) {
    auto topic = std::make_unique<Topic>();
    topic->name = cursor->key().substr(1);
    wire::Reader stored(cursor->value());
    topic->id = stored.take(16);
    for (auto count = stored.integer<std::uint32_t>(); count > 0 && stored.ok(); --count) {
      topic->partitions.push_back(
          std::make_shared<PartitionLog>(log_, stored.integer<PartitionId>()));
    }
    for (auto count = stored.integer<std::uint16_t>(); count > 0 && stored.ok(); --count) {
      const std::string name(take_text(stored));
      if (const auto known = topic->config.set(name, std::string(take_text(stored))); !known) {
        return fail(Code::corrupt, fmt::format("the stored description of topic {} is damaged: {}",
                                               topic->name, known.error().context));
      }
    }
    if (!stored.finished()) {
      return fail(Code::corrupt,
                  fmt::format("the stored description of topic {} is damaged", topic->name));
    }
    partition_count_ += topic->partitions.size();
    topics_.emplace(topic->name, std::move(topic));
  }
  TRY_VOID(cursor->status());
  return recover_partitions();
}

// One scan per kind of key for all partitions together: a hundred thousand of them are read in the
// time of a few megabytes.
Result<void> Topics::recover_partitions() {
  Places places;
  for (const auto& [name, topic] : topics_) {
    for (std::size_t index = 0; index < topic->partitions.size(); ++index) {
      PartitionLog* partition = topic->partitions[index].get();
      const Place place{topic.get(), index, partition};
      if (partition->id() >= next_partition_) {
        return damaged(place, fmt::format("its number {} was never given out", partition->id()));
      }
      places.emplace(partition->id(), place);
    }
  }
  const auto cursor = log_.store.cursor(Family::state, 0);
  for (const StateKind kind : {StateKind::partition, StateKind::part, StateKind::cleaned,
                               StateKind::indexed, StateKind::delayed, StateKind::producer}) {
    const Buffer end = state_end(kind);
    for (cursor->seek(state_key(kind)); cursor->valid() && cursor->key() < end; cursor->next()) {
      const ByteView key = cursor->key();
      if (key.size() < 5) return fail(Code::corrupt, "a stored key of a partition is damaged");
      const auto found = places.find(load_be<PartitionId>(key.data() + 1));
      if (found == places.end()) continue;  // of a topic that was being deleted
      Place& place = found->second;
      if (kind == StateKind::partition) place.started = true;
      const auto restored = restore(*place.partition, kind, key.substr(5), cursor->value());
      if (!restored) return damaged(place, restored.error().context);
    }
    TRY_VOID(cursor->status());
  }
  for (const auto& [id, place] : places) {
    if (!place.started) return damaged(place, "its start is missing");
    // They are stored together; should they differ, the configuration is what people see.
    place.partition->set_key_index(place.topic->config.key_index());
    // What is due may have become so while nobody was there.
    if (place.partition->delays().pending() > 0 && log_.delayed) {
      log_.delayed(place.partition->shared_from_this(), {});
    }
  }
  return check_ends(places);
}

// The store knows partitions by their numbers; a person knows them by topic and index.
std::unexpected<Error> Topics::damaged(const Place& place, std::string_view what) {
  return fail(Code::corrupt,
              fmt::format("topic {} partition {}: {}", place.topic->name, place.index, what));
}

Result<void> Topics::restore(PartitionLog& partition, StateKind kind, ByteView rest,
                             ByteView value) {
  if (kind == StateKind::partition) return partition.restore_start(value);
  if (kind == StateKind::cleaned) return partition.restore_cleaned(value);
  if (kind == StateKind::indexed) return partition.restore_indexed(value);
  if (kind == StateKind::delayed) return partition.restore_delayed(value);
  if (kind == StateKind::part && rest.size() == sizeof(Segment)) {
    return partition.restore_part(load_be<Segment>(rest.data()), value);
  }
  if (kind == StateKind::producer && rest.size() == sizeof(std::int64_t)) {
    return partition.restore_producer(load_be<std::int64_t>(rest.data()), value);
  }
  return fail(Code::corrupt,
              fmt::format("a stored key of its number {} is damaged", partition.id()));
}

// Only the newest segments can have lost their end in a crash; older ones are in table files, whose
// checksums are verified when they are read.
Result<void> Topics::check_ends(const Places& places) const {
  const Segment newest = newest_segment();
  for (const auto& [id, place] : places) {
    if (place.partition->last_segment() + 1 < newest) continue;
    if (auto checked = place.partition->check_end(); !checked) {
      return damaged(place, checked.error().context);
    }
  }
  return {};
}

Segment Topics::newest_segment() const {
  Segment newest = 0;
  for (const auto& [name, topic] : topics_) {
    for (const auto& partition : topic->partitions) {
      newest = std::max(newest, partition->last_segment());
    }
  }
  return newest;
}

Result<Segment> Topics::next_segment() const {
  Segment newest = newest_segment();
  for (const Family family : {Family::log, Family::index}) {
    const auto cursor = log_.store.cursor(family, 0);
    cursor->seek_for_prev(segment_begin(kSegmentMax));
    TRY_VOID(cursor->status());
    if (!cursor->valid()) continue;
    wire::Reader key(cursor->key());
    newest = std::max(newest, key.integer<Segment>());
  }
  return newest + 1;
}

Wanted Topics::wanted(Segment open) const {
  Wanted wanted(open);
  for (const auto& [name, topic] : topics_) {
    for (const auto& partition : topic->partitions) {
      wanted.add(partition->id(), partition->log_start());
    }
  }
  return wanted;
}

const Topic* Topics::find(std::string_view name) const {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : found->second.get();
}

const Topic* Topics::find_by_id(ByteView id) const {
  for (const auto& [name, topic] : topics_) {
    if (topic->id == id) return topic.get();
  }
  return nullptr;
}

TopicError Topics::check_new(const std::string& name, std::int32_t partitions) const {
  if (!legal_name(name)) {
    return {ErrorCode::invalid_topic_exception,
            fmt::format("topic name \"{}\" is not legal: 1 to {} of a-z A-Z 0-9 . _ -, not . or ..",
                        name, kTopicNameBytesMax)};
  }
  if (topics_.contains(name)) {
    return {ErrorCode::topic_already_exists, fmt::format("topic {} exists already", name)};
  }
  if (partitions < 1 || partitions > limits_.partitions_per_topic_max) {
    return {ErrorCode::invalid_partitions,
            fmt::format("a topic has 1 to {} partitions, not {}", limits_.partitions_per_topic_max,
                        partitions)};
  }
  if (partition_count_ + static_cast<std::size_t>(partitions) > limits_.partitions_max) {
    return {ErrorCode::policy_violation,
            fmt::format("this broker holds at most {} partitions", limits_.partitions_max)};
  }
  return {};
}

TopicError Topics::check_space() const {
  std::string refusal = log_.committer.refusal();
  if (refusal.empty()) return {};
  return {ErrorCode::kafka_storage_error, std::move(refusal)};
}

Task<TopicError> Topics::commit() {
  if (auto done = co_await log_.committer.commit(); !done) {
    co_return TopicError{ErrorCode::kafka_storage_error, done.error().context};
  }
  co_return TopicError{};
}

Task<TopicError> Topics::create(std::string name, std::int32_t partitions, TopicConfig config) {
  if (auto refusal = check_new(name, partitions); refusal.code != ErrorCode::none) {
    co_return refusal;
  }
  if (auto refusal = check_space(); refusal.code != ErrorCode::none) co_return refusal;
  auto topic = std::make_unique<Topic>();
  topic->name = name;
  topic->id = random_uuid(random_);
  topic->config = std::move(config);
  topic->partitions = new_partitions(partitions, topic->config);
  stage(*topic);
  topics_.emplace(std::move(name), std::move(topic));
  co_return co_await commit();
}

TopicError Topics::check_growth(const std::string& name, std::int32_t count) const {
  const Topic* topic = find(name);
  if (topic == nullptr) {
    return {ErrorCode::unknown_topic_or_partition, fmt::format("topic {} does not exist", name)};
  }
  const auto present = static_cast<std::int32_t>(topic->partitions.size());
  if (count <= present || count > limits_.partitions_per_topic_max) {
    return {ErrorCode::invalid_partitions,
            fmt::format("topic {} has {} partitions and can grow to {} at most", name, present,
                        limits_.partitions_per_topic_max)};
  }
  if (partition_count_ + static_cast<std::size_t>(count - present) > limits_.partitions_max) {
    return {ErrorCode::policy_violation,
            fmt::format("this broker holds at most {} partitions", limits_.partitions_max)};
  }
  return {};
}

Task<TopicError> Topics::grow(std::string name, std::int32_t count) {
  if (auto refusal = check_growth(name, count); refusal.code != ErrorCode::none) co_return refusal;
  if (auto refusal = check_space(); refusal.code != ErrorCode::none) co_return refusal;
  Topic& topic = *topics_.find(name)->second;
  const auto present = static_cast<std::int32_t>(topic.partitions.size());
  for (auto& partition : new_partitions(count - present, topic.config)) {
    topic.partitions.push_back(std::move(partition));
  }
  stage(topic);
  co_return co_await commit();
}

Task<TopicError> Topics::reconfigure(std::string name, TopicConfig config) {
  const auto found = topics_.find(name);
  if (found == topics_.end()) {
    co_return TopicError{ErrorCode::unknown_topic_or_partition,
                         fmt::format("topic {} does not exist", name)};
  }
  for (const auto& partition : found->second->partitions) {
    partition->set_key_index(config.key_index());
  }
  found->second->config = std::move(config);
  stage(*found->second);
  co_return co_await commit();
}

Task<TopicError> Topics::remove(std::string name, std::vector<PartitionId>* removed) {
  const auto found = topics_.find(name);
  if (found == topics_.end()) {
    co_return TopicError{ErrorCode::unknown_topic_or_partition,
                         fmt::format("topic {} does not exist", name)};
  }
  for (const auto& partition : found->second->partitions) {
    partition->erase();
    removed->push_back(partition->id());
  }
  log_.committer.erase(state_key(StateKind::topic, name));
  partition_count_ -= found->second->partitions.size();
  topics_.erase(found);
  co_return co_await commit();
}

std::vector<std::shared_ptr<PartitionLog>> Topics::new_partitions(std::int32_t count,
                                                                  const TopicConfig& config) {
  std::vector<std::shared_ptr<PartitionLog>> partitions;
  for (std::int32_t i = 0; i < count; ++i) {
    partitions.push_back(std::make_shared<PartitionLog>(log_, next_partition_++));
    partitions.back()->stage_bounds();
    partitions.back()->set_key_index(config.key_index());
  }
  partition_count_ += partitions.size();
  return partitions;
}

void Topics::stage(const Topic& topic) {
  Buffer next;
  append_be(next, next_partition_);
  log_.committer.put(state_key(StateKind::meta, kNextPartition), std::move(next));
  log_.committer.put(state_key(StateKind::topic, topic.name), encode_topic(topic));
}

}  // namespace sluice::broker
