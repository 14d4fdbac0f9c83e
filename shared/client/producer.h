#pragma once
// Sends records durably and says what became of each.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/client/settings.h"

namespace sluice::client {

inline constexpr std::int32_t kAnyPartition =
    -1;  // the key's hash decides, or chance without a key

struct ProduceRecord {
  std::string topic;
  std::int32_t partition = kAnyPartition;
  std::optional<Buffer> key;    // nothing: null
  std::optional<Buffer> value;  // nothing: null (a tombstone)
  std::vector<Header> headers;
  std::int64_t timestamp_ms = 0;  // 0: the time of the send
};

// What is known about a record. Only `not_persisted` may be treated as if it was never sent.
enum class Outcome {
  persisted,           // on the log, durable as acks=all promises
  not_persisted,       // certainly not on the log
  possibly_persisted,  // sent, no answer: read the log to know
};

std::string_view name_of(Outcome outcome);

struct Delivery {
  Outcome outcome = Outcome::possibly_persisted;
  std::int32_t partition = -1;
  std::int64_t offset = -1;    // when persisted
  std::optional<Error> error;  // when not persisted
};

struct ProducerOptions {
  Millis linger{1};  // how long a batch waits for company; group commit on the server adds its own
  Millis message_timeout{30'000};              // send to outcome, retries included
  Millis request_timeout{10'000};              // one request to the server
  std::int32_t queue_messages_max = 100'000;   // records; beyond: Code::overloaded
  std::int64_t queue_bytes_max = 256LL << 20;  // bytes, rounded up to KiB; beyond: overloaded
  std::int64_t message_bytes_max = 1'000'000;  // of one record; Kafka's own default
};

// An idempotent producer with acks=all: retries inside keep order and make no duplicates.
// Thread-safe. Owns one thread that runs every `done` callback; a callback must not block, nor
// flush or destroy the producer, but may send().
class Producer {
 public:
  using Done = std::move_only_function<void(Delivery)>;

  // Does not wait for a server. Fails on a setting that librdkafka does not accept.
  static Result<std::unique_ptr<Producer>> open(const Settings& settings,
                                                const ProducerOptions& options = {});

  // Calls back for everything that is outstanding before it returns: what was never sent as
  // not_persisted, what is on its way as possibly_persisted. flush() first to avoid that.
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // On success `done` is called exactly once, later, on the producer's thread. On an error it is
  // never called and nothing was sent: Code::overloaded (the queue is full: try again later),
  // too_large, not_found (no such topic or partition), fenced or unavailable (see fatal()).
  Result<void> send(ProduceRecord record, Done done);

  // Learns where the topic's partitions are, so that its first send does not wait for librdkafka's
  // next look around, up to a second later. Only a hint: sends work without it.
  void look_up(const std::string& topic, Millis timeout);

  // Waits until every outcome was delivered; Code::timed_out when some are still outstanding.
  Result<void> flush(Millis timeout);

  // False until the first contact with a server and while all servers are down.
  bool reachable() const;

  // An error after which nothing can be sent any more: Code::fenced when a newer producer took
  // over, else unavailable. Open a new producer.
  std::optional<Error> fatal() const;

  // Records whose outcome is outstanding.
  std::size_t outstanding() const;

  // There are queue_messages_max of them: a send now would most likely be refused.
  bool full() const;

 private:
  struct Impl;
  explicit Producer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::client
