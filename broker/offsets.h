#pragma once
// Offsets: what consumer groups have committed. Durable with the commit that answers the client.
// Lives on the loop thread.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "broker/log/committer.h"
#include "broker/log/store.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace sluice::broker {

struct CommittedOffset {
  Offset offset = -1;
  std::int32_t leader_epoch = -1;
  std::string metadata;  // the client's own, at most kMetadataBytesMax; returned as it came
  WallTime committed_at;
};

class Offsets {
 public:
  static constexpr std::size_t kMetadataBytesMax = 4096;  // Kafka's offset.metadata.max.bytes
  // All groups together: a client that invents groups must not fill the memory.
  static constexpr std::size_t kOffsetsMax = 1'000'000;

  using Partition = std::pair<std::string, std::int32_t>;  // topic name, partition index
  using Group = std::map<Partition, CommittedOffset>;

  Offsets(Store& store, Committer& committer) : store_(store), committer_(committer) {}

  Result<void> recover();

  const CommittedOffset* find(const std::string& group, const Partition& partition) const;
  // Everything of one group; null when it never committed.
  const Group* find_group(const std::string& group) const;
  const std::map<std::string, Group>& groups() const { return groups_; }

  // Staged, and visible at once; the caller commits before it answers. Code::too_large at
  // kOffsetsMax.
  Result<void> stage(const std::string& group, const Partition& partition, CommittedOffset offset);
  void stage_erase_group(const std::string& group);
  void stage_erase_topic(const std::string& topic);

 private:
  Store& store_;
  Committer& committer_;
  std::map<std::string, Group> groups_;
  std::size_t count_ = 0;
};

}  // namespace sluice::broker
