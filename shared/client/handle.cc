#include "shared/client/handle.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace sluice::client {

namespace {

constexpr Millis kProbeSlice{100};  // how soon await_contact() notices that all servers are down

void on_error(rd_kafka_t* handle, int error, const char* reason, void* opaque) {
  auto& listener = *static_cast<Listener*>(opaque);
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    char text[512];
    rd_kafka_fatal_error(handle, text, sizeof text);
    listener.contact.note(text);
  } else if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    listener.contact.down();
  } else {
    listener.contact.note(reason);
  }
}

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  static_cast<Listener*>(opaque)->delivered(*message);
}

void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t kind,
                  rd_kafka_topic_partition_list_t* partitions, void* opaque) {
  static_cast<Listener*>(opaque)->rebalanced(kind, partitions);
}

int on_socket(int domain, int type, int protocol, void* opaque) {
  return static_cast<Listener*>(opaque)->sockets.open(domain, type, protocol);
}

int on_close(int descriptor, void* opaque) {
  return static_cast<Listener*>(opaque)->sockets.close(descriptor);
}

Result<void> set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char text[512];
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof text) != RD_KAFKA_CONF_OK) {
    return fail(Code::invalid, fmt::format("Kafka client option {}={}: {}", name, value, text));
  }
  return {};
}

Result<void> set_all(rd_kafka_conf_t* conf, const Settings& settings, const Options& options) {
  TRY_VOID(set(conf, "bootstrap.servers", settings.bootstrap_servers));
  TRY_VOID(set(conf, "client.id", settings.client_id));
  // A small request must not wait for more bytes, and a server that is back must be seen soon.
  TRY_VOID(set(conf, "socket.nagle.disable", "true"));
  TRY_VOID(set(conf, "socket.keepalive.enable", "true"));
  TRY_VOID(set(conf, "reconnect.backoff.ms", "50"));
  TRY_VOID(set(conf, "reconnect.backoff.max.ms", "1000"));
  for (const auto& [name, value] : options) TRY_VOID(set(conf, name, value));
  for (const std::string& option : settings.extra) {
    const auto equals = option.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(Code::invalid,
                  fmt::format("Kafka client option \"{}\" is not name=value", option));
    }
    TRY_VOID(set(conf, option.substr(0, equals), option.substr(equals + 1)));
  }
  return {};
}

// "host:port/bootstrap: Connect to … failed: Connection refused (after 0ms in state CONNECT)" → up
// to the parenthesis, which is the library's own business.
std::string_view without_state(std::string_view reason) {
  return reason.substr(0, reason.find(" (after "));
}

}  // namespace

void Contact::up() {
  all_down_.store(false, std::memory_order_relaxed);
  reachable_.store(true, std::memory_order_relaxed);
}

void Contact::down() {
  reachable_.store(false, std::memory_order_relaxed);
  all_down_.store(true, std::memory_order_relaxed);
}

void Contact::note(std::string_view reason) {
  const std::lock_guard lock(mutex_);
  reason_ = without_state(reason);
}

Error Contact::unreachable() const {
  const std::lock_guard lock(mutex_);
  return {Code::unavailable, reason_.empty()
                                 ? fmt::format("cannot reach {}: no answer", servers_)
                                 : fmt::format("cannot reach {}: {}", servers_, reason_)};
}

void Listener::delivered(const rd_kafka_message_t&) {}
void Listener::rebalanced(rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*) {}

Result<rd_kafka_t*> open_handle(rd_kafka_type_t type, const Settings& settings,
                                const Options& options, Listener& listener) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  if (auto ok = set_all(conf, settings, options); !ok) {
    rd_kafka_conf_destroy(conf);
    return std::unexpected(std::move(ok.error()));
  }
  const bool debug = std::ranges::any_of(
      settings.extra, [](const std::string& option) { return option.starts_with("debug="); });
  if (!debug) rd_kafka_conf_set_log_cb(conf, nullptr);
  rd_kafka_conf_set_opaque(conf, &listener);
  rd_kafka_conf_set_error_cb(conf, on_error);
  rd_kafka_conf_set_socket_cb(conf, on_socket);
  rd_kafka_conf_set_closesocket_cb(conf, on_close);
  if (type == RD_KAFKA_PRODUCER) {
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
  } else {
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
  }
  char text[512];
  rd_kafka_t* handle = rd_kafka_new(type, conf, text, sizeof text);
  if (handle == nullptr) {
    rd_kafka_conf_destroy(conf);
    return fail(Code::invalid, fmt::format("the Kafka client refuses its options: {}", text));
  }
  return handle;
}

Code code_of(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
    case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
      return Code::overloaded;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE:
      return Code::too_large;
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
      return Code::timed_out;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
      return Code::unavailable;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_GROUP:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND:
    case RD_KAFKA_RESP_ERR__NO_OFFSET:
      return Code::not_found;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
      return Code::exists;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      return Code::out_of_range;
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
      return Code::fenced;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
      return Code::corrupt;
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
      return Code::unsupported;
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
      return Code::storage;
    case RD_KAFKA_RESP_ERR__DESTROY:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
      return Code::closed;
    default:
      // The rest is a request that a server or the library refuses.
      return Code::invalid;
  }
}

Error error_of(rd_kafka_resp_err_t error, std::string_view what) {
  return {code_of(error), fmt::format("{}: {}", what, rd_kafka_err2str(error))};
}

Error error_of(const rd_kafka_error_t& error, std::string_view what) {
  return {code_of(rd_kafka_error_code(&error)),
          fmt::format("{}: {}", what, rd_kafka_error_string(&error))};
}

int timeout_of(Millis timeout) {
  return static_cast<int>(
      std::clamp<std::int64_t>(timeout.count(), 0, std::numeric_limits<int>::max()));
}

Result<void> await_contact(rd_kafka_t* handle, Listener& listener, Millis timeout) {
  const SystemClock clock;
  const Instant deadline = clock.now() + timeout;
  while (true) {
    const struct rd_kafka_metadata* metadata = nullptr;
    const auto slice = std::min<std::chrono::nanoseconds>(kProbeSlice, deadline - clock.now());
    const auto error =
        rd_kafka_metadata(handle, 0, nullptr, &metadata,
                          std::max(1, timeout_of(std::chrono::duration_cast<Millis>(slice))));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      rd_kafka_metadata_destroy(metadata);
      listener.contact.up();
      return {};
    }
    rd_kafka_poll(handle, 0);  // brings the errors of the connections to the listener
    if (listener.contact.all_down() || clock.now() >= deadline) {
      return std::unexpected(listener.contact.unreachable());
    }
  }
}

PartitionList list_of(std::span<const TopicPartition> partitions) {
  PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const TopicPartition& partition : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)
        ->offset = partition.offset;
  }
  return list;
}

std::vector<TopicPartition> partitions_of(const rd_kafka_topic_partition_list_t* list) {
  std::vector<TopicPartition> partitions;
  if (list == nullptr) return partitions;
  for (const auto& element : std::span(list->elems, static_cast<std::size_t>(list->cnt))) {
    partitions.push_back({element.topic, element.partition, element.offset});
  }
  return partitions;
}

Result<void> first_error(const rd_kafka_topic_partition_list_t* list, std::string_view what) {
  for (const auto& element : std::span(list->elems, static_cast<std::size_t>(list->cnt))) {
    if (element.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return std::unexpected(
          error_of(element.err, fmt::format("{} {}[{}]", what, element.topic, element.partition)));
    }
  }
  return {};
}

Result<Watermarks> query_watermarks(rd_kafka_t* handle, const std::string& topic,
                                    std::int32_t partition, Millis timeout) {
  Watermarks marks;
  const auto error = rd_kafka_query_watermark_offsets(handle, topic.c_str(), partition, &marks.low,
                                                      &marks.high, timeout_of(timeout));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return std::unexpected(error_of(error, fmt::format("offsets of {}[{}]", topic, partition)));
  }
  return marks;
}

}  // namespace sluice::client
