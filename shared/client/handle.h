#pragma once
// Inside of shared/client only: what the producer, the consumer and the admin share of librdkafka.

#include <librdkafka/rdkafka.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/client/settings.h"
#include "shared/client/sockets.h"

namespace sluice::client {

template <auto Destroy>
struct Destroyer {
  template <class T>
  void operator()(T* object) const {
    Destroy(object);
  }
};

using PartitionList = std::unique_ptr<rd_kafka_topic_partition_list_t,
                                      Destroyer<rd_kafka_topic_partition_list_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Destroyer<rd_kafka_queue_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, Destroyer<rd_kafka_event_destroy>>;
using KafkaError = std::unique_ptr<rd_kafka_error_t, Destroyer<rd_kafka_error_destroy>>;
using TopicHandle = std::unique_ptr<rd_kafka_topic_t, Destroyer<rd_kafka_topic_destroy>>;

// What is known of the servers. Thread-safe.
class Contact {
 public:
  explicit Contact(std::string servers) : servers_(std::move(servers)) {}

  bool reachable() const { return reachable_.load(std::memory_order_relaxed); }
  // Every server was tried and none answers.
  bool all_down() const { return all_down_.load(std::memory_order_relaxed); }

  void up();
  void down();
  void note(std::string_view reason);

  // Code::unavailable, with the servers' names and the newest reason.
  Error unreachable() const;

 private:
  const std::string servers_;
  std::atomic<bool> reachable_{false};
  std::atomic<bool> all_down_{false};
  mutable std::mutex mutex_;
  std::string reason_;
};

// Gets librdkafka's callbacks of one handle, on the thread that polls it. Outlives the handle.
class Listener {
 public:
  explicit Listener(const Settings& settings) : contact(settings.bootstrap_servers) {}
  virtual ~Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  virtual void delivered(const rd_kafka_message_t& message);
  virtual void rebalanced(rd_kafka_resp_err_t kind, rd_kafka_topic_partition_list_t* partitions);

  Contact contact;
  Sockets sockets;
};

using Options = std::vector<std::pair<std::string, std::string>>;

// A librdkafka handle with our defaults, then `options`, then settings.extra. The caller destroys
// it.
Result<rd_kafka_t*> open_handle(rd_kafka_type_t type, const Settings& settings,
                                const Options& options, Listener& listener);

Code code_of(rd_kafka_resp_err_t error);
Error error_of(rd_kafka_resp_err_t error, std::string_view what);
Error error_of(const rd_kafka_error_t& error, std::string_view what);

// librdkafka's int milliseconds, at least 0.
int timeout_of(Millis timeout);

// Waits for an answer to a metadata request, so for any server; early when all are down.
Result<void> await_contact(rd_kafka_t* handle, Listener& listener, Millis timeout);

PartitionList list_of(std::span<const TopicPartition> partitions);
std::vector<TopicPartition> partitions_of(const rd_kafka_topic_partition_list_t* list);

// The first error that the list carries.
Result<void> first_error(const rd_kafka_topic_partition_list_t* list, std::string_view what);

Result<Watermarks> query_watermarks(rd_kafka_t* handle, const std::string& topic,
                                    std::int32_t partition, Millis timeout);

}  // namespace sluice::client
