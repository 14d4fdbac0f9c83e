#include "broker/topic_config.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "broker/delay/delay_headers.h"
#include "shared/config/text.h"

namespace sluice::broker {
namespace {

constexpr TopicConfig::Known kKnown[] = {
    {"cleanup.policy", "delete",
     "delete: old records go by retention; compact: the newest record of each key stays; both, "
     "with "
     "a comma"},
    {"compression.type", "producer", "producer: batches are stored as they were sent"},
    {"delete.retention.ms", "86400000",
     "compact: how long a record without a value stays, so that readers see that its key is gone"},
    {kDelayConfig, "false",
     "true: a record with a header deliver-at (Unix ms) or delay-ms, up to 366 days ahead, is "
     "acknowledged when it is durable and can be read when it is due"},
    {"flush.messages", "1",
     "1: a record is acknowledged when it is fsynced; more: when it is written, unless so many of "
     "its partition wait for their fsync, which follows at once (a power cut may take them)"},
    {"flush.ms", "9223372036854775807",
     "0: as flush.messages=1; more: no other effect, as no fsync is ever put off"},
    {kKeyIndexConfig, "false",
     "true: records are found by their key without reading the whole topic; costs about 24 bytes a "
     "record"},
    {"max.message.bytes", "1048588", "largest record batch accepted, in bytes"},
    {"message.timestamp.type", "CreateTime", "CreateTime: the producer's clock stamps records"},
    {"min.cleanable.dirty.ratio", "0.5",
     "compact: part of the bytes that has to be new before it is worth the work"},
    {"min.compaction.lag.ms", "0", "compact: records younger than this stay"},
    {"min.insync.replicas", "1", "1: a record is acknowledged when this broker has fsynced it"},
    {"retention.bytes", "-1",
     "size of a partition above which its oldest segments go; -1: no limit"},
    {"retention.ms", "-1", "age of its newest record at which a segment goes; -1: never"},
    {"segment.ms", "604800000", "compact: age at which the open segment is closed to be compacted"},
};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

// A configuration that is a number: what is accepted, and where it goes.
struct TopicConfig::Number {
  std::string_view name;
  std::int64_t least;
  void (*put)(TopicConfig& config, std::int64_t number);
};

namespace {

constexpr std::int64_t kPositive = 1;
constexpr std::int64_t kFromZero = 0;
constexpr std::int64_t kUnlimitedOrMore = -1;

std::optional<std::int64_t> unless_unlimited(std::int64_t number) {
  return number < 0 ? std::nullopt : std::optional(number);
}

}  // namespace

std::span<const TopicConfig::Known> TopicConfig::known() {
  return kKnown;
}

Result<void> TopicConfig::set(const std::string& name, const std::string& value) {
  using Config = TopicConfig;
  using Value = std::int64_t;
  static constexpr Number kNumbers[] = {
      {"delete.retention.ms", kFromZero,
       [](Config& config, Value value) { config.compaction_.delete_retention_ms = value; }},
      {"flush.messages", kPositive,
       [](Config& config, Value value) { config.flush_messages_ = value; }},
      {"flush.ms", kFromZero, [](Config& config, Value value) { config.flush_ms_ = value; }},
      {"max.message.bytes", kPositive,
       [](Config& config, Value value) {
         config.max_message_bytes_ = static_cast<std::size_t>(value);
       }},
      {"min.compaction.lag.ms", kFromZero,
       [](Config& config, Value value) { config.compaction_.min_lag_ms = value; }},
      {"retention.bytes", kUnlimitedOrMore,
       [](Config& config, Value value) { config.retention_.bytes = unless_unlimited(value); }},
      {"retention.ms", kUnlimitedOrMore,
       [](Config& config, Value value) { config.retention_.ms = unless_unlimited(value); }},
      {"segment.ms", kPositive,
       [](Config& config, Value value) { config.compaction_.segment_ms = value; }},
  };
  const auto* known = std::ranges::find(kKnown, name, &Known::name);
  if (known == std::end(kKnown)) {
    return fail(Code::invalid, fmt::format("unknown topic configuration {}", name));
  }
  const auto* entry = std::ranges::find(kNumbers, name, &Number::name);
  if (entry != std::end(kNumbers)) {
    const auto number = config::parse_integer(value);
    if (!number || *number < entry->least) {
      return fail(Code::invalid, fmt::format("{} must be a number from {}, got \"{}\"", name,
                                             entry->least, value));
    }
    entry->put(*this, *number);
  } else if (name == "cleanup.policy") {
    TRY_VOID(set_policy(value));
  } else if (name == kKeyIndexConfig) {
    TRY(on, truth_of(name, value));
    key_index_ = on;
  } else if (name == kDelayConfig) {
    TRY(on, truth_of(name, value));
    delays_ = on;
  } else if (name == "min.cleanable.dirty.ratio") {
    TRY_VOID(set_dirty_ratio(value));
  } else if (value != known->default_value) {
    return fail(Code::invalid, fmt::format("{}={} is not supported: this version offers only {}",
                                           name, value, known->default_value));
  }
  overrides_.insert_or_assign(name, value);
  return {};
}

Result<void> TopicConfig::set_policy(const std::string& value) {
  bool deletes = false;
  bool compacts = false;
  for (ByteView rest = value;;) {
    const std::size_t comma = rest.find(',');
    const std::string_view policy = trimmed(rest.substr(0, comma));
    if (policy != "delete" && policy != "compact") {
      return fail(Code::invalid,
                  fmt::format("cleanup.policy must be delete, compact, or both with a "
                              "comma, got \"{}\"",
                              value));
    }
    deletes |= policy == "delete";
    compacts |= policy == "compact";
    if (comma == ByteView::npos) break;
    rest.remove_prefix(comma + 1);
  }
  deletes_ = deletes;
  compacts_ = compacts;
  return {};
}

Result<bool> TopicConfig::truth_of(std::string_view name, const std::string& value) {
  if (value == "true" || value == "false") return value == "true";
  return fail(Code::invalid, fmt::format("{} must be true or false, got \"{}\"", name, value));
}

Result<void> TopicConfig::set_dirty_ratio(const std::string& value) {
  double ratio = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), ratio);
  if (error != std::errc() || end != value.data() + value.size() || !(ratio >= 0 && ratio <= 1)) {
    return fail(Code::invalid,
                fmt::format("min.cleanable.dirty.ratio must be from 0 to 1, got \"{}\"", value));
  }
  compaction_.min_dirty_ratio = ratio;
  return {};
}

Result<void> TopicConfig::unset(const std::string& name) {
  const auto* known = std::ranges::find(kKnown, name, &Known::name);
  const std::string default_value(known == std::end(kKnown) ? "" : known->default_value);
  TRY_VOID(set(name, default_value));
  overrides_.erase(name);
  return {};
}

}  // namespace sluice::broker
