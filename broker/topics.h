#pragma once
// Topics: the broker's topics and their partitions, and what a topic may be called and configured
// with. Lives on the loop thread.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/log/partition_log.h"
#include "broker/log/wanted.h"
#include "broker/topic_config.h"
#include "shared/base/random.h"
#include "shared/base/result.h"
#include "shared/wire/error_code.h"

namespace sluice::broker {

struct TopicLimits {
  std::int32_t partitions_per_topic_max = 10'000;
  // All topics together. A partition costs about a kilobyte of memory.
  std::size_t partitions_max = 100'000;
};

struct Topic {
  std::string name;
  Buffer id;  // 16 bytes, new for each creation (KIP-516)
  TopicConfig config;
  std::vector<std::shared_ptr<PartitionLog>> partitions;

  PartitionLog* partition(std::int32_t index) const {
    if (index < 0 || static_cast<std::size_t>(index) >= partitions.size()) return nullptr;
    return partitions[static_cast<std::size_t>(index)].get();
  }
  std::shared_ptr<PartitionLog> share(std::int32_t index) const {
    return partition(index) ? partitions[static_cast<std::size_t>(index)] : nullptr;
  }
};

// A refusal in Kafka's words, with a sentence for a person.
struct TopicError {
  wire::ErrorCode code = wire::ErrorCode::none;
  std::string message;
};

class Topics {
 public:
  Topics(LogContext& log, Random& random, TopicLimits limits);

  // At start: reads every topic and partition from the store.
  Result<void> recover();

  // The first segment of which nothing is stored, not even what is forgotten: appends go there.
  Result<Segment> next_segment() const;
  // What somebody may still ask for of the segments before `open`.
  Wanted wanted(Segment open) const;

  const Topic* find(std::string_view name) const;
  const Topic* find_by_id(ByteView id) const;
  const std::map<std::string, std::unique_ptr<Topic>, std::less<>>& all() const { return topics_; }
  std::size_t partition_count() const { return partition_count_; }

  // Checks without creating (CreateTopics validate_only).
  TopicError check_new(const std::string& name, std::int32_t partitions) const;
  // Creates, stages, and finishes when durable. The topic is visible at once.
  Task<TopicError> create(std::string name, std::int32_t partitions, TopicConfig config);
  // KIP-195: grows a topic to `count` partitions; the check alone is for validate_only.
  TopicError check_growth(const std::string& name, std::int32_t count) const;
  Task<TopicError> grow(std::string name, std::int32_t count);
  // Replaces the topic's configuration, and finishes when that is durable.
  Task<TopicError> reconfigure(std::string name, TopicConfig config);
  // Removes the topic and its data, and finishes when that is durable. `removed` lists its
  // partitions.
  Task<TopicError> remove(std::string name, std::vector<PartitionId>* removed);

 private:
  std::vector<std::shared_ptr<PartitionLog>> new_partitions(std::int32_t count,
                                                            const TopicConfig& config);
  void stage(const Topic& topic);
  // Nothing new is begun on a full disk; removing goes on.
  TopicError check_space() const;
  Task<TopicError> commit();
  Result<void> recover_partitions(const Topic& topic) const;

  // A partition while it is recovered.
  struct Place {
    const Topic* topic;
    std::size_t index;
    PartitionLog* partition;
    bool started = false;
  };
  using Places = std::unordered_map<PartitionId, Place>;
  Result<void> recover_partitions();
  static Result<void> restore(PartitionLog& partition, StateKind kind, ByteView rest,
                              ByteView value);
  Result<void> check_ends(const Places& places) const;
  // That some partition has a part of.
  Segment newest_segment() const;
  static std::unexpected<Error> damaged(const Place& place, std::string_view what);

  LogContext& log_;
  Random& random_;
  TopicLimits limits_;
  std::map<std::string, std::unique_ptr<Topic>, std::less<>> topics_;
  std::size_t partition_count_ = 0;
  PartitionId next_partition_ = 0;
};

}  // namespace sluice::broker
