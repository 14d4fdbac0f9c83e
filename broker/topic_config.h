#pragma once
// TopicConfig: what a topic can be configured with, under Kafka's names. A value type.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "broker/log/compaction.h"
#include "broker/log/partition_log.h"
#include "shared/base/result.h"

namespace sluice::broker {

// Kafka's topic configuration names that this broker honours. Unknown names and values it would not
// act on are refused (INVALID_CONFIG), so that nobody relies on what does not happen.
class TopicConfig {
 public:
  // Batches above this are refused with MESSAGE_TOO_LARGE; Kafka's default, 1 MiB and its overhead.
  static constexpr std::size_t kMaxMessageBytesDefault = 1'048'588;

  // What a name means here and its default: for DescribeConfigs.
  struct Known {
    std::string_view name;
    std::string_view default_value;
    std::string_view documentation;
  };
  static std::span<const Known> known();

  // Errors name the configuration and what is accepted.
  Result<void> set(const std::string& name, const std::string& value);

  std::size_t max_message_bytes() const { return max_message_bytes_; }
  // Nothing while cleanup.policy leaves old records to compaction alone.
  Retention retention() const { return deletes_ ? retention_ : Retention{}; }
  bool key_index() const { return key_index_; }
  // Heeds the headers of broker/delay/delay_headers.h.
  bool delays() const { return delays_; }
  bool compacts() const { return compacts_; }
  // How many records of a partition may be acknowledged and not yet be durable, plus one: 1, all
  // are durable first.
  std::int64_t flush_messages() const { return flush_ms_ == 0 ? 1 : flush_messages_; }
  const CompactionRules& compaction() const { return compaction_; }
  // Back to the default. Errors as set().
  Result<void> unset(const std::string& name);

  const std::map<std::string, std::string>& overrides() const { return overrides_; }

 private:
  struct Number;
  Result<void> set_policy(const std::string& value);
  static Result<bool> truth_of(std::string_view name, const std::string& value);
  Result<void> set_dirty_ratio(const std::string& value);

  std::map<std::string, std::string> overrides_;
  std::size_t max_message_bytes_ = kMaxMessageBytesDefault;
  Retention retention_;
  std::int64_t flush_messages_ = 1;
  std::int64_t flush_ms_ = std::numeric_limits<std::int64_t>::max();
  bool deletes_ = true;
  bool compacts_ = false;
  bool key_index_ = false;
  bool delays_ = false;
  CompactionRules compaction_;
};

}  // namespace sluice::broker
