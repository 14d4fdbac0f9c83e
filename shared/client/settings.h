#pragma once
// What every connection to a Kafka-protocol server needs.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/bytes.h"

namespace sluice::client {

struct Settings {
  std::string bootstrap_servers = "127.0.0.1:9092";  // host:port, comma separated
  std::string client_id = "sluice";
  // "name=value" in librdkafka's vocabulary (TLS, SASL, …). Applied last, so it wins. With
  // "debug=…" librdkafka logs to stderr; else it is silent and the errors say what happened.
  std::vector<std::string> extra;
};

// Logical offsets, as the protocol and librdkafka write them.
inline constexpr std::int64_t kOffsetBeginning = -2;
inline constexpr std::int64_t kOffsetEnd = -1;
inline constexpr std::int64_t kOffsetCommitted = -1000;  // where the group's commit says
inline constexpr std::int64_t kOffsetUnknown = -1001;    // none; a commit that was never made

// A partition and, where the call speaks of one, an offset in it.
struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = kOffsetUnknown;

  friend bool operator==(const TopicPartition&, const TopicPartition&) = default;
};

struct Header {
  std::string name;
  std::optional<Buffer> value;

  friend bool operator==(const Header&, const Header&) = default;
};

// [low, high): what a partition keeps; high is the offset of the next record.
struct Watermarks {
  std::int64_t low = 0;
  std::int64_t high = 0;
};

}  // namespace sluice::client
