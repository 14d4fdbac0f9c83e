#include "shared/client/admin.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <tuple>

#include "shared/client/handle.h"

namespace sluice::client {

namespace {

constexpr Millis kAnswerGrace{500};  // an operation's own timeout is to fire before ours

using AdminOptions =
    std::unique_ptr<rd_kafka_AdminOptions_t, Destroyer<rd_kafka_AdminOptions_destroy>>;
using DeleteRecordsHandle =
    std::unique_ptr<rd_kafka_DeleteRecords_t, Destroyer<rd_kafka_DeleteRecords_destroy>>;
using NewTopicHandle = std::unique_ptr<rd_kafka_NewTopic_t, Destroyer<rd_kafka_NewTopic_destroy>>;
using DeleteTopicHandle =
    std::unique_ptr<rd_kafka_DeleteTopic_t, Destroyer<rd_kafka_DeleteTopic_destroy>>;
using ConfigResource =
    std::unique_ptr<rd_kafka_ConfigResource_t, Destroyer<rd_kafka_ConfigResource_destroy>>;
using GroupOffsetsHandle = std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t,
                                           Destroyer<rd_kafka_ListConsumerGroupOffsets_destroy>>;
using Metadata =
    std::unique_ptr<const struct rd_kafka_metadata, Destroyer<rd_kafka_metadata_destroy>>;

std::string text_of(const char* text) {
  return text == nullptr ? std::string() : text;
}

TopicInfo topic_info(const rd_kafka_metadata_topic& topic) {
  TopicInfo info{.name = topic.topic};
  for (const auto& partition :
       std::span(topic.partitions, static_cast<std::size_t>(topic.partition_cnt))) {
    info.partitions.push_back(
        {.partition = partition.id,
         .leader = partition.leader,
         .replicas = std::vector<std::int32_t>(partition.replicas,
                                               partition.replicas + partition.replica_cnt),
         .in_sync = std::vector<std::int32_t>(partition.isrs, partition.isrs + partition.isr_cnt)});
  }
  std::ranges::sort(info.partitions, {}, &PartitionInfo::partition);
  return info;
}

// The error of the one topic that was created or deleted.
Result<void> topic_result(const rd_kafka_topic_result_t* const* results, std::size_t count,
                          std::string_view what) {
  if (count == 0) return fail(Code::corrupt, fmt::format("{}: the answer names no topic", what));
  const auto error = rd_kafka_topic_result_error(results[0]);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  const char* text = rd_kafka_topic_result_error_string(results[0]);
  return fail(code_of(error),
              fmt::format("{}: {}", what, text == nullptr ? rd_kafka_err2str(error) : text));
}

// Of an operation's answer; what is wrong with its parts they say themselves.
Result<void> event_result(rd_kafka_event_t* event, std::string_view what) {
  const auto error = rd_kafka_event_error(event);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return fail(code_of(error), fmt::format("{}: {}", what, rd_kafka_event_error_string(event)));
}

std::string what_configs(const std::string& topic) {
  return fmt::format("asking for the configs of {}", topic);
}

// Of the one topic that was asked about.
Result<std::vector<ConfigEntry>> configs_in(rd_kafka_event_t* event, std::string_view what) {
  std::size_t count = 0;
  const auto* resources = rd_kafka_DescribeConfigs_result_resources(
      rd_kafka_event_DescribeConfigs_result(event), &count);
  std::vector<ConfigEntry> entries;
  if (count == 0) return entries;
  const auto error = rd_kafka_ConfigResource_error(resources[0]);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(error_of(error, what));
  const auto* configs = rd_kafka_ConfigResource_configs(resources[0], &count);
  for (const rd_kafka_ConfigEntry_t* entry : std::span(configs, count)) {
    const char* value = rd_kafka_ConfigEntry_value(entry);
    entries.push_back({.name = rd_kafka_ConfigEntry_name(entry),
                       .value = value == nullptr ? std::nullopt : std::optional<std::string>(value),
                       .is_default = rd_kafka_ConfigEntry_is_default(entry) != 0,
                       .read_only = rd_kafka_ConfigEntry_is_read_only(entry) != 0});
  }
  std::ranges::sort(entries, {}, &ConfigEntry::name);
  return entries;
}

GroupMember member_of(const rd_kafka_MemberDescription_t* member) {
  return {.member_id = text_of(rd_kafka_MemberDescription_consumer_id(member)),
          .instance_id = text_of(rd_kafka_MemberDescription_group_instance_id(member)),
          .client_id = text_of(rd_kafka_MemberDescription_client_id(member)),
          .host = text_of(rd_kafka_MemberDescription_host(member)),
          .assignment = partitions_of(
              rd_kafka_MemberAssignment_partitions(rd_kafka_MemberDescription_assignment(member)))};
}

void by_partition(std::vector<TopicPartition>& partitions) {
  std::ranges::sort(partitions, [](const TopicPartition& a, const TopicPartition& b) {
    return std::tie(a.topic, a.partition) < std::tie(b.topic, b.partition);
  });
}

}  // namespace

struct Admin::Impl final : Listener {
  Impl(const Settings& settings, Millis limit) : Listener(settings), timeout(limit) {}
  ~Impl() override {
    if (handle != nullptr) rd_kafka_destroy(handle);
  }

  Result<void> contact_first() { return await_contact(handle, *this, timeout); }

  // Every topic, or the one that is named.
  Result<Metadata> metadata(rd_kafka_topic_t* only);

  AdminOptions options(rd_kafka_admin_op_t operation) const;

  // Waits for the answer of an operation that was sent to the queue.
  Result<Event> answer(rd_kafka_queue_t* queue, std::string_view what) const;

  // The answer comes to the queue.
  void ask_configs(const std::string& topic, rd_kafka_queue_t* queue) const;
  Result<std::vector<ConfigEntry>> configs(const std::string& topic) const;

  rd_kafka_t* handle = nullptr;
  const Millis timeout;
};

Result<Metadata> Admin::Impl::metadata(rd_kafka_topic_t* only) {
  TRY_VOID(contact_first());
  const struct rd_kafka_metadata* raw = nullptr;
  const auto error =
      rd_kafka_metadata(handle, only == nullptr ? 1 : 0, only, &raw, timeout_of(timeout));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return std::unexpected(error_of(error, "asking for topics"));
  }
  return Metadata(raw);
}

AdminOptions Admin::Impl::options(rd_kafka_admin_op_t operation) const {
  AdminOptions options(rd_kafka_AdminOptions_new(handle, operation));
  char text[256];
  rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_of(timeout), text, sizeof text);
  return options;
}

Result<Event> Admin::Impl::answer(rd_kafka_queue_t* queue, std::string_view what) const {
  Event event(rd_kafka_queue_poll(queue, timeout_of(timeout + kAnswerGrace)));
  if (event == nullptr) {
    return fail(Code::timed_out, fmt::format("{}: no answer within {} ms", what, timeout.count()));
  }
  TRY_VOID(event_result(event.get(), what));
  return event;
}

void Admin::Impl::ask_configs(const std::string& topic, rd_kafka_queue_t* queue) const {
  const ConfigResource resource(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  rd_kafka_ConfigResource_t* list[] = {resource.get()};
  const AdminOptions limits = options(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
  rd_kafka_DescribeConfigs(handle, list, 1, limits.get(), queue);
}

Result<std::vector<ConfigEntry>> Admin::Impl::configs(const std::string& topic) const {
  const Queue queue(rd_kafka_queue_new(handle));
  ask_configs(topic, queue.get());
  const std::string what = what_configs(topic);
  TRY(event, answer(queue.get(), what));
  return configs_in(event.get(), what);
}

Admin::Admin(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Admin::~Admin() = default;

Result<std::unique_ptr<Admin>> Admin::open(const Settings& settings, Millis timeout) {
  auto impl = std::make_unique<Impl>(settings, timeout);
  // A consumer without a group: unlike a producer it never creates the topics it asks about.
  TRY(handle, open_handle(RD_KAFKA_CONSUMER, settings, {}, *impl));
  impl->handle = handle;
  return std::unique_ptr<Admin>(new Admin(std::move(impl)));
}

Result<ClusterInfo> Admin::cluster() {
  TRY_VOID(impl_->contact_first());
  const struct rd_kafka_metadata* raw = nullptr;
  const auto error = rd_kafka_metadata(impl_->handle, 0, nullptr, &raw, timeout_of(impl_->timeout));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return std::unexpected(error_of(error, "asking for brokers"));
  }
  const Metadata metadata(raw);
  ClusterInfo info;
  for (const auto& broker :
       std::span(metadata->brokers, static_cast<std::size_t>(metadata->broker_cnt))) {
    info.brokers.push_back({.id = broker.id, .host = broker.host, .port = broker.port});
  }
  std::ranges::sort(info.brokers, {}, &Broker::id);
  if (char* id = rd_kafka_clusterid(impl_->handle, timeout_of(impl_->timeout))) {
    info.cluster_id = id;
    rd_kafka_mem_free(impl_->handle, id);
  }
  info.controller = rd_kafka_controllerid(impl_->handle, timeout_of(impl_->timeout));
  return info;
}

Result<std::vector<TopicInfo>> Admin::list_topics() {
  TRY(metadata, impl_->metadata(nullptr));
  std::vector<TopicInfo> topics;
  for (const auto& topic :
       std::span(metadata->topics, static_cast<std::size_t>(metadata->topic_cnt))) {
    topics.push_back(topic_info(topic));
  }
  std::ranges::sort(topics, {}, &TopicInfo::name);
  return topics;
}

Result<TopicDescription> Admin::describe_topic(const std::string& name) {
  const TopicHandle topic(rd_kafka_topic_new(impl_->handle, name.c_str(), nullptr));
  if (topic == nullptr) {
    return fail(Code::invalid, fmt::format("\"{}\" is no topic name", name));
  }
  TRY(metadata, impl_->metadata(topic.get()));
  if (metadata->topic_cnt != 1) return fail(Code::not_found, fmt::format("no topic {}", name));
  const rd_kafka_metadata_topic& found = metadata->topics[0];
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (code_of(found.err) == Code::not_found) {
      return fail(Code::not_found, fmt::format("there is no topic {}", name));
    }
    return std::unexpected(error_of(found.err, fmt::format("topic {}", name)));
  }
  TopicDescription description{.topic = topic_info(found)};
  for (const PartitionInfo& partition : description.topic.partitions) {
    TRY(marks, watermarks(name, partition.partition));
    description.watermarks.push_back(marks);
  }
  auto configs = impl_->configs(name);
  if (configs) {
    description.configs = std::move(*configs);
  } else if (configs.error().code != Code::unsupported) {
    return std::unexpected(std::move(configs.error()));
  }
  return description;
}

struct ConfigsAnswer::Impl {
  std::string what;
  Queue queue;
};

ConfigsAnswer::ConfigsAnswer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ConfigsAnswer::~ConfigsAnswer() = default;
ConfigsAnswer::ConfigsAnswer(ConfigsAnswer&&) noexcept = default;
ConfigsAnswer& ConfigsAnswer::operator=(ConfigsAnswer&&) noexcept = default;

std::optional<Result<std::vector<ConfigEntry>>> ConfigsAnswer::poll() {
  const Event event(rd_kafka_queue_poll(impl_->queue.get(), 0));
  if (event == nullptr) return std::nullopt;
  if (auto ok = event_result(event.get(), impl_->what); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  return configs_in(event.get(), impl_->what);
}

ConfigsAnswer Admin::ask_configs(const std::string& topic) {
  auto answer = std::make_unique<ConfigsAnswer::Impl>(what_configs(topic),
                                                      Queue(rd_kafka_queue_new(impl_->handle)));
  impl_->ask_configs(topic, answer->queue.get());
  return ConfigsAnswer(std::move(answer));
}

Result<void> Admin::create_topic(const NewTopic& topic) {
  const std::string what = fmt::format("creating topic {}", topic.name);
  TRY_VOID(impl_->contact_first());
  char text[512];
  const NewTopicHandle request(rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions,
                                                     topic.replication, text, sizeof text));
  if (request == nullptr) return fail(Code::invalid, fmt::format("{}: {}", what, text));
  for (const auto& [name, value] : topic.configs) {
    const auto error = rd_kafka_NewTopic_set_config(request.get(), name.c_str(), value.c_str());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(error_of(error, what));
  }
  const Queue queue(rd_kafka_queue_new(impl_->handle));
  rd_kafka_NewTopic_t* list[] = {request.get()};
  const AdminOptions limits = impl_->options(RD_KAFKA_ADMIN_OP_CREATETOPICS);
  rd_kafka_AdminOptions_set_operation_timeout(limits.get(), timeout_of(impl_->timeout), text,
                                              sizeof text);
  rd_kafka_CreateTopics(impl_->handle, list, 1, limits.get(), queue.get());
  TRY(event, impl_->answer(queue.get(), what));
  std::size_t count = 0;
  const auto* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  return topic_result(results, count, what);
}

Result<void> Admin::delete_topic(const std::string& name) {
  const std::string what = fmt::format("deleting topic {}", name);
  TRY_VOID(impl_->contact_first());
  const DeleteTopicHandle request(rd_kafka_DeleteTopic_new(name.c_str()));
  const Queue queue(rd_kafka_queue_new(impl_->handle));
  rd_kafka_DeleteTopic_t* list[] = {request.get()};
  const AdminOptions limits = impl_->options(RD_KAFKA_ADMIN_OP_DELETETOPICS);
  char text[256];
  rd_kafka_AdminOptions_set_operation_timeout(limits.get(), timeout_of(impl_->timeout), text,
                                              sizeof text);
  rd_kafka_DeleteTopics(impl_->handle, list, 1, limits.get(), queue.get());
  TRY(event, impl_->answer(queue.get(), what));
  std::size_t count = 0;
  const auto* results =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event.get()), &count);
  return topic_result(results, count, what);
}

Result<std::vector<GroupInfo>> Admin::list_groups() {
  TRY_VOID(impl_->contact_first());
  const Queue queue(rd_kafka_queue_new(impl_->handle));
  const AdminOptions limits = impl_->options(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS);
  rd_kafka_ListConsumerGroups(impl_->handle, limits.get(), queue.get());
  TRY(event, impl_->answer(queue.get(), "listing groups"));
  const auto* result = rd_kafka_event_ListConsumerGroups_result(event.get());
  std::size_t count = 0;
  const auto* errors = rd_kafka_ListConsumerGroups_result_errors(result, &count);
  if (count > 0) return std::unexpected(error_of(*errors[0], "listing groups"));
  const auto* listings = rd_kafka_ListConsumerGroups_result_valid(result, &count);
  std::vector<GroupInfo> groups;
  for (const rd_kafka_ConsumerGroupListing_t* listing : std::span(listings, count)) {
    groups.push_back(
        {.group_id = rd_kafka_ConsumerGroupListing_group_id(listing),
         .state = rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupListing_state(listing)),
         .simple = rd_kafka_ConsumerGroupListing_is_simple_consumer_group(listing) != 0});
  }
  std::ranges::sort(groups, {}, &GroupInfo::group_id);
  return groups;
}

Result<GroupDescription> Admin::describe_group(const std::string& group_id) {
  const std::string what = fmt::format("describing group {}", group_id);
  TRY_VOID(impl_->contact_first());
  const Queue queue(rd_kafka_queue_new(impl_->handle));
  const AdminOptions limits = impl_->options(RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
  const char* list[] = {group_id.c_str()};
  rd_kafka_DescribeConsumerGroups(impl_->handle, list, 1, limits.get(), queue.get());
  TRY(event, impl_->answer(queue.get(), what));
  std::size_t count = 0;
  const auto* groups = rd_kafka_DescribeConsumerGroups_result_groups(
      rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
  if (count == 0) return fail(Code::not_found, fmt::format("there is no group {}", group_id));
  const rd_kafka_ConsumerGroupDescription_t* group = groups[0];
  if (const auto* error = rd_kafka_ConsumerGroupDescription_error(group)) {
    return std::unexpected(error_of(*error, what));
  }
  const auto state = rd_kafka_ConsumerGroupDescription_state(group);
  // A coordinator describes a group that it has never seen as dead.
  if (state == RD_KAFKA_CONSUMER_GROUP_STATE_DEAD) {
    return fail(Code::not_found, fmt::format("there is no group {}", group_id));
  }
  GroupDescription description{
      .group_id = group_id,
      .state = rd_kafka_consumer_group_state_name(state),
      .assignor = text_of(rd_kafka_ConsumerGroupDescription_partition_assignor(group))};
  if (const auto* node = rd_kafka_ConsumerGroupDescription_coordinator(group)) {
    description.coordinator = rd_kafka_Node_id(node);
  }
  const std::size_t members = rd_kafka_ConsumerGroupDescription_member_count(group);
  for (std::size_t i = 0; i < members; ++i) {
    description.members.push_back(member_of(rd_kafka_ConsumerGroupDescription_member(group, i)));
    by_partition(description.members.back().assignment);
  }
  return description;
}

Result<std::vector<TopicPartition>> Admin::group_offsets(const std::string& group_id) {
  const std::string what = fmt::format("reading the commits of group {}", group_id);
  TRY_VOID(impl_->contact_first());
  const Queue queue(rd_kafka_queue_new(impl_->handle));
  const AdminOptions limits = impl_->options(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
  const GroupOffsetsHandle request(
      rd_kafka_ListConsumerGroupOffsets_new(group_id.c_str(), nullptr));
  rd_kafka_ListConsumerGroupOffsets_t* list[] = {request.get()};
  rd_kafka_ListConsumerGroupOffsets(impl_->handle, list, 1, limits.get(), queue.get());
  TRY(event, impl_->answer(queue.get(), what));
  std::size_t count = 0;
  const auto* groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(event.get()), &count);
  std::vector<TopicPartition> offsets;
  if (count == 0) return offsets;
  if (const auto* error = rd_kafka_group_result_error(groups[0])) {
    return std::unexpected(error_of(*error, what));
  }
  offsets = partitions_of(rd_kafka_group_result_partitions(groups[0]));
  std::erase_if(offsets, [](const TopicPartition& at) { return at.offset < 0; });
  by_partition(offsets);
  return offsets;
}

Result<Watermarks> Admin::watermarks(const std::string& topic, std::int32_t partition) {
  return query_watermarks(impl_->handle, topic, partition, impl_->timeout);
}

Result<std::int64_t> Admin::delete_records(const std::string& topic, std::int32_t partition,
                                           std::int64_t before) {
  const std::string what =
      fmt::format("deleting the records of {}[{}] before {}", topic, partition, before);
  TRY_VOID(impl_->contact_first());
  const TopicPartition wanted{topic, partition, before};
  const DeleteRecordsHandle request(
      rd_kafka_DeleteRecords_new(list_of(std::span(&wanted, 1)).get()));
  const Queue queue(rd_kafka_queue_new(impl_->handle));
  rd_kafka_DeleteRecords_t* list[] = {request.get()};
  const AdminOptions limits = impl_->options(RD_KAFKA_ADMIN_OP_DELETERECORDS);
  char text[256];
  rd_kafka_AdminOptions_set_operation_timeout(limits.get(), timeout_of(impl_->timeout), text,
                                              sizeof text);
  rd_kafka_DeleteRecords(impl_->handle, list, 1, limits.get(), queue.get());
  TRY(event, impl_->answer(queue.get(), what));
  const auto* partitions =
      rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event.get()));
  TRY_VOID(first_error(partitions, what));
  const auto kept = partitions_of(partitions);
  if (kept.empty()) return fail(Code::corrupt, fmt::format("{}: the answer names none", what));
  return kept[0].offset;
}

}  // namespace sluice::client
