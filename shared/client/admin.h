#pragma once
// Asks a server about its topics and groups, and changes topics.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/client/settings.h"

namespace sluice::client {

struct Broker {
  std::int32_t id = 0;
  std::string host;
  std::int32_t port = 0;
};

struct PartitionInfo {
  std::int32_t partition = 0;
  std::int32_t leader = -1;  // broker id; -1: none
  std::vector<std::int32_t> replicas;
  std::vector<std::int32_t> in_sync;
};

struct TopicInfo {
  std::string name;
  std::vector<PartitionInfo> partitions;
};

struct ClusterInfo {
  std::string cluster_id;
  std::int32_t controller = -1;
  std::vector<Broker> brokers;
};

struct ConfigEntry {
  std::string name;
  std::optional<std::string> value;  // nothing: sensitive or null
  bool is_default = false;
  bool read_only = false;
};

struct TopicDescription {
  TopicInfo topic;
  std::vector<Watermarks> watermarks;  // in the order of topic.partitions
  std::vector<ConfigEntry> configs;    // by name; none where the server does not tell
};

struct NewTopic {
  std::string name;
  std::int32_t partitions = -1;  // -1: the server's default
  std::int32_t replication = -1;
  std::map<std::string, std::string> configs;
};

struct GroupInfo {
  std::string group_id;
  std::string state;    // "Stable", "Empty", "PreparingRebalance", …
  bool simple = false;  // only commits, no members
};

struct GroupMember {
  std::string member_id;
  std::string instance_id;  // static membership, or empty
  std::string client_id;
  std::string host;
  std::vector<TopicPartition> assignment;
};

struct GroupDescription {
  std::string group_id;
  std::string state;
  std::string assignor;
  std::int32_t coordinator = -1;  // broker id
  std::vector<GroupMember> members;
};

// The answer to Admin::ask_configs(). For one thread; goes before its Admin.
class ConfigsAnswer {
 public:
  ~ConfigsAnswer();
  ConfigsAnswer(ConfigsAnswer&&) noexcept;
  ConfigsAnswer& operator=(ConfigsAnswer&&) noexcept;

  // Never waits; nothing: it is not there yet. It is there once, within the Admin's timeout; errors
  // as Admin's, and unsupported where the server does not tell.
  std::optional<Result<std::vector<ConfigEntry>>> poll();

 private:
  friend class Admin;
  struct Impl;
  explicit ConfigsAnswer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Thread-safe; every call but ask_configs() blocks up to the timeout. Errors: unavailable names the
// servers that could not be reached and why, timed_out, not_found, exists, invalid (the server's
// sentence).
class Admin {
 public:
  // Does not wait for a server.
  static Result<std::unique_ptr<Admin>> open(const Settings& settings, Millis timeout);
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  Result<ClusterInfo> cluster();

  // By name. describe_topic of an unknown name is not_found and creates nothing.
  Result<std::vector<TopicInfo>> list_topics();
  Result<TopicDescription> describe_topic(const std::string& name);
  // The configs alone, for who has something else to do meanwhile. By name.
  ConfigsAnswer ask_configs(const std::string& topic);
  Result<void> create_topic(const NewTopic& topic);
  Result<void> delete_topic(const std::string& name);

  Result<std::vector<GroupInfo>> list_groups();
  Result<GroupDescription> describe_group(const std::string& group_id);

  // Every commit of the group, by topic and partition.
  Result<std::vector<TopicPartition>> group_offsets(const std::string& group_id);

  Result<Watermarks> watermarks(const std::string& topic, std::int32_t partition);

  // Forgets the partition's records before that offset, for good (KIP-107); yields the first offset
  // that is kept. out_of_range: it is beyond the end.
  Result<std::int64_t> delete_records(const std::string& topic, std::int32_t partition,
                                      std::int64_t before);

 private:
  struct Impl;
  explicit Admin(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::client
