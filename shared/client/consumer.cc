#include "shared/client/consumer.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "shared/base/check.h"
#include "shared/client/handle.h"

namespace sluice::client {

namespace {

constexpr Millis kClosePoll{50};
// So many records may have filled librdkafka's queue, and an empty one of so long means that they
// are all taken: see Impl::wake_fetcher.
constexpr std::size_t kMayHaveBeenFull = 10'000;
constexpr Millis kRunDry{2};

using Message = std::unique_ptr<rd_kafka_message_t, Destroyer<rd_kafka_message_destroy>>;

std::optional<ByteView> view_of(const void* data, std::size_t size) {
  if (data == nullptr) return std::nullopt;
  return ByteView(static_cast<const char*>(data), size);
}

std::vector<HeaderView> headers_of(const rd_kafka_message_t* message) {
  std::vector<HeaderView> views;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return views;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    views.push_back({name, view_of(value, size)});
  }
  return views;
}

Record record_of(const rd_kafka_message_t* message, bool with_headers) {
  rd_kafka_timestamp_type_t kind;
  const std::int64_t timestamp = rd_kafka_message_timestamp(message, &kind);
  return {.topic = rd_kafka_topic_name(message->rkt),
          .partition = message->partition,
          .offset = message->offset,
          .timestamp_ms = kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : timestamp,
          .key = view_of(message->key, message->key_len),
          .value = view_of(message->payload, message->len),
          .headers = with_headers ? headers_of(message) : std::vector<HeaderView>()};
}

std::string_view reset_name(ConsumerOptions::Missing missing) {
  switch (missing) {
    case ConsumerOptions::Missing::earliest:
      return "earliest";
    case ConsumerOptions::Missing::latest:
      return "latest";
    case ConsumerOptions::Missing::error:
      return "error";
  }
  return "error";
}

Options options_of(const Settings& settings, const ConsumerOptions& options) {
  Options list = {
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"enable.partition.eof", options.report_ends ? "true" : "false"},
      {"auto.offset.reset", std::string(reset_name(options.missing_offset))},
      {"isolation.level", options.read_uncommitted ? "read_uncommitted" : "read_committed"},
      {"fetch.wait.max.ms", fmt::to_string(options.fetch_wait_max.count())},
      {"fetch.min.bytes", fmt::to_string(options.fetch_bytes_min)},
      {"fetch.error.backoff.ms", "100"},
      {"queued.max.messages.kbytes", fmt::to_string((options.prefetch_bytes_max + 1023) / 1024)},
      {"check.crcs", "true"},
      // librdkafka wants a name even when partitions are assigned by hand; nothing joins it.
      {"group.id", options.group ? options.group->group_id : settings.client_id},
  };
  if (options.group) {
    const GroupOptions& group = *options.group;
    list.emplace_back("session.timeout.ms", fmt::to_string(group.session_timeout.count()));
    list.emplace_back("heartbeat.interval.ms", fmt::to_string(group.heartbeat_interval.count()));
    list.emplace_back("max.poll.interval.ms", fmt::to_string(group.max_poll_interval.count()));
    if (!group.group_instance_id.empty()) {
      list.emplace_back("group.instance.id", group.group_instance_id);
    }
  }
  return list;
}

}  // namespace

struct Batch::Impl {
  std::shared_ptr<rd_kafka_t> handle;  // declared first: the messages go before it
  std::vector<Message> messages;
  std::vector<Record> records;
  std::vector<TopicPartition> ends;
};

Batch::Batch() : impl_(std::make_unique<Impl>()) {}
Batch::~Batch() = default;
Batch::Batch(Batch&&) noexcept = default;
Batch& Batch::operator=(Batch&&) noexcept = default;

std::span<const Record> Batch::records() const {
  return impl_ ? std::span<const Record>(impl_->records) : std::span<const Record>();
}

std::span<const TopicPartition> Batch::ends() const {
  return impl_ ? std::span<const TopicPartition>(impl_->ends) : std::span<const TopicPartition>();
}

// `rebalanced` runs inside of poll() and close().
struct Consumer::Impl {
  // Outlives the handle, which a Batch may hold beyond the consumer.
  struct Hooks final : Listener {
    explicit Hooks(const Settings& settings) : Listener(settings) {}
    void rebalanced(rd_kafka_resp_err_t kind, rd_kafka_topic_partition_list_t* list) override {
      if (owner != nullptr) owner->rebalanced(kind, list);
    }
    Impl* owner = nullptr;
  };

  Result<void> subscribe();
  void rebalanced(rd_kafka_resp_err_t kind, rd_kafka_topic_partition_list_t* list);
  Result<void> take_over(rd_kafka_topic_partition_list_t* list);
  void give_back(rd_kafka_topic_partition_list_t* list);
  bool incremental() const;
  // Sorts one message into the batch; false when it is an error, which is kept.
  bool sort(Message message, Batch::Impl& batch);
  Message next(Millis timeout);
  void wake_fetcher(Millis timeout);
  Result<void> result_of(rd_kafka_resp_err_t error, std::string_view what) const;

  std::shared_ptr<Hooks> hooks;
  std::shared_ptr<rd_kafka_t> handle;
  std::optional<GroupOptions> group;
  bool headers = true;
  std::optional<Error> error;  // to be returned by the next poll
  std::size_t taken = 0;       // records since the fetcher was woken
  TopicPartition last;         // where the last record came from
  bool closed = false;
};

bool Consumer::Impl::incremental() const {
  return std::string_view(rd_kafka_rebalance_protocol(handle.get())) == "COOPERATIVE";
}

Result<void> Consumer::Impl::result_of(rd_kafka_resp_err_t result, std::string_view what) const {
  if (result == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  if (code_of(result) == Code::unavailable && hooks->contact.all_down()) {
    return std::unexpected(hooks->contact.unreachable());
  }
  return std::unexpected(error_of(result, what));
}

Result<void> Consumer::Impl::subscribe() {
  PartitionList topics(rd_kafka_topic_partition_list_new(static_cast<int>(group->topics.size())));
  for (const std::string& topic : group->topics) {
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  return result_of(rd_kafka_subscribe(handle.get(), topics.get()), "subscribing");
}

void Consumer::Impl::rebalanced(rd_kafka_resp_err_t kind, rd_kafka_topic_partition_list_t* list) {
  if (kind == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    if (auto taken = take_over(list); !taken) error = std::move(taken.error());
  } else {
    give_back(list);
  }
}

Result<void> Consumer::Impl::take_over(rd_kafka_topic_partition_list_t* list) {
  PartitionList start;
  rd_kafka_topic_partition_list_t* chosen = list;
  Result<void> hook_result;
  if (group && group->on_assigned) {
    auto offsets = group->on_assigned(partitions_of(list));
    if (offsets) {
      start = list_of(*offsets);
    } else {
      hook_result = std::unexpected(std::move(offsets.error()));
      start = list_of({});  // the group wants an answer: consume nothing
    }
    chosen = start.get();
  }
  if (incremental()) {
    const KafkaError failed(rd_kafka_incremental_assign(handle.get(), chosen));
    if (failed) return std::unexpected(error_of(*failed, "assigning partitions"));
  } else {
    TRY_VOID(result_of(rd_kafka_assign(handle.get(), chosen), "assigning partitions"));
  }
  return hook_result;
}

void Consumer::Impl::give_back(rd_kafka_topic_partition_list_t* list) {
  if (group && group->on_revoked) {
    group->on_revoked(partitions_of(list), rd_kafka_assignment_lost(handle.get()) != 0);
  }
  if (incremental()) {
    const KafkaError ignored(rd_kafka_incremental_unassign(handle.get(), list));
  } else {
    rd_kafka_assign(handle.get(), nullptr);
  }
}

bool Consumer::Impl::sort(Message message, Batch::Impl& batch) {
  switch (message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      hooks->contact.up();
      ++taken;
      batch.records.push_back(record_of(message.get(), headers));
      batch.messages.push_back(std::move(message));
      return true;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      batch.ends.push_back(
          {rd_kafka_topic_name(message->rkt), message->partition, message->offset});
      return true;
    default: {
      const std::string where =
          message->rkt == nullptr
              ? "consuming"
              : fmt::format("consuming {}[{}]", rd_kafka_topic_name(message->rkt),
                            message->partition);
      error = Error{code_of(message->err),
                    fmt::format("{}: {}", where, rd_kafka_message_errstr(message.get()))};
      return false;
    }
  }
}

// Once its queue was full, librdkafka's fetching thread looks only once a second whether there is
// room again, unless something for its server comes by: a question does. Else whoever reads a long
// log faster than a queue a second stands still for most of the time.
void Consumer::Impl::wake_fetcher(Millis timeout) {
  taken = 0;
  static_cast<void>(query_watermarks(handle.get(), last.topic, last.partition, timeout));
}

Message Consumer::Impl::next(Millis timeout) {
  if (taken >= kMayHaveBeenFull && timeout > kRunDry) {
    Message message(rd_kafka_consumer_poll(handle.get(), timeout_of(kRunDry)));
    if (message != nullptr) return message;
    wake_fetcher(timeout);
  }
  return Message(rd_kafka_consumer_poll(handle.get(), timeout_of(timeout)));
}

Consumer::Consumer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Consumer::~Consumer() {
  static_cast<void>(close());
}

Result<std::unique_ptr<Consumer>> Consumer::open(const Settings& settings,
                                                 ConsumerOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->hooks = std::make_shared<Impl::Hooks>(settings);
  TRY(raw, open_handle(RD_KAFKA_CONSUMER, settings, options_of(settings, options), *impl->hooks));
  impl->handle = std::shared_ptr<rd_kafka_t>(raw, [hooks = impl->hooks](rd_kafka_t* handle) {
    // close() has left the group, or gave up on it.
    rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  });
  impl->hooks->owner = impl.get();
  impl->headers = options.headers;
  impl->group = std::move(options.group);
  rd_kafka_poll_set_consumer(raw);
  if (impl->group) TRY_VOID(impl->subscribe());
  return std::unique_ptr<Consumer>(new Consumer(std::move(impl)));
}

Result<void> Consumer::assign(std::span<const TopicPartition> partitions) {
  CHECK(!impl_->group);
  const PartitionList list = list_of(partitions);
  return impl_->result_of(rd_kafka_assign(impl_->handle.get(), list.get()), "assigning partitions");
}

Result<Batch> Consumer::poll(std::size_t max_records, Millis timeout) {
  Impl& impl = *impl_;
  if (impl.closed) return fail(Code::closed, "the consumer is closed");
  Batch batch;
  batch.impl_->handle = impl.handle;
  Message message = impl.next(timeout);
  while (message != nullptr) {
    impl.sort(std::move(message), *batch.impl_);
    if (impl.error || batch.impl_->records.size() >= max_records) break;
    message = Message(rd_kafka_consumer_poll(impl.handle.get(), 0));
  }
  if (!batch.records().empty()) {
    impl.last = {std::string(batch.records().back().topic), batch.records().back().partition, 0};
  }
  // What was read before the error goes out first; the error waits for the next poll.
  if (impl.error && batch.empty()) {
    Error error = std::move(*impl.error);
    impl.error.reset();
    return std::unexpected(std::move(error));
  }
  return batch;
}

std::vector<TopicPartition> Consumer::assignment() const {
  rd_kafka_topic_partition_list_t* list = nullptr;
  if (rd_kafka_assignment(impl_->handle.get(), &list) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  const PartitionList owned(list);
  return partitions_of(list);
}

Result<void> Consumer::pause(std::span<const TopicPartition> partitions) {
  const PartitionList list = list_of(partitions);
  TRY_VOID(impl_->result_of(rd_kafka_pause_partitions(impl_->handle.get(), list.get()), "pausing"));
  return first_error(list.get(), "pausing");
}

Result<void> Consumer::resume(std::span<const TopicPartition> partitions) {
  const PartitionList list = list_of(partitions);
  TRY_VOID(
      impl_->result_of(rd_kafka_resume_partitions(impl_->handle.get(), list.get()), "resuming"));
  return first_error(list.get(), "resuming");
}

Result<void> Consumer::seek(std::span<const TopicPartition> partitions, Millis timeout) {
  const PartitionList list = list_of(partitions);
  const KafkaError error(
      rd_kafka_seek_partitions(impl_->handle.get(), list.get(), timeout_of(timeout)));
  if (error) return std::unexpected(error_of(*error, "seeking"));
  return first_error(list.get(), "seeking");
}

Result<void> Consumer::commit(std::span<const TopicPartition> next_offsets, Wait wait) {
  const PartitionList list = list_of(next_offsets);
  TRY_VOID(impl_->result_of(
      rd_kafka_commit(impl_->handle.get(), list.get(), wait == Wait::no ? 1 : 0), "committing"));
  return wait == Wait::no ? Result<void>() : first_error(list.get(), "committing");
}

Result<std::vector<TopicPartition>> Consumer::committed(std::span<const TopicPartition> partitions,
                                                        Millis timeout) {
  const PartitionList list = list_of(partitions);
  TRY_VOID(
      impl_->result_of(rd_kafka_committed(impl_->handle.get(), list.get(), timeout_of(timeout)),
                       "reading the commits"));
  TRY_VOID(first_error(list.get(), "reading the commit of"));
  return partitions_of(list.get());
}

Result<Watermarks> Consumer::watermarks(const std::string& topic, std::int32_t partition,
                                        Millis timeout) {
  return query_watermarks(impl_->handle.get(), topic, partition, timeout);
}

Result<std::vector<TopicPartition>> Consumer::offsets_at(std::span<const TopicPartition> times,
                                                         Millis timeout) {
  const PartitionList list = list_of(times);
  TRY_VOID(impl_->result_of(
      rd_kafka_offsets_for_times(impl_->handle.get(), list.get(), timeout_of(timeout)),
      "asking for offsets by time"));
  TRY_VOID(first_error(list.get(), "asking for the offset by time of"));
  return partitions_of(list.get());
}

Result<void> Consumer::close(Millis timeout) {
  Impl& impl = *impl_;
  if (impl.closed) return {};
  impl.closed = true;
  rd_kafka_t* handle = impl.handle.get();
  const Queue queue(rd_kafka_queue_new(handle));
  const KafkaError error(rd_kafka_consumer_close_queue(handle, queue.get()));
  if (error) {
    impl.hooks->owner = nullptr;
    return std::unexpected(error_of(*error, "closing the consumer"));
  }
  const SystemClock clock;
  const Instant deadline = clock.now() + timeout;
  while (rd_kafka_consumer_closed(handle) == 0 && clock.now() < deadline) {
    // As events: what was prefetched comes out of the queue too, and has no callback.
    const Event event(rd_kafka_queue_poll(queue.get(), timeout_of(kClosePoll)));
    if (event != nullptr && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE) {
      impl.rebalanced(rd_kafka_event_error(event.get()),
                      rd_kafka_event_topic_partition_list(event.get()));
    }
  }
  impl.hooks->owner = nullptr;
  if (rd_kafka_consumer_closed(handle) == 0) {
    impl.hooks->sockets.cut();  // else whoever destroys the handle waits for the server
    return fail(Code::timed_out,
                fmt::format("the consumer did not leave its group within {} ms", timeout.count()));
  }
  return {};
}

}  // namespace sluice::client
