#include "shared/client/producer.h"

#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <thread>

#include "shared/client/handle.h"

namespace sluice::client {

namespace {

constexpr int kPollMillis = 100;      // how soon the thread sees that it is to end
constexpr Millis kProbeEvery{250};    // while no server is reachable
constexpr Millis kProbeTimeout{200};  // outcomes wait this long at most behind a probe

// What travels through librdkafka with a record. The value is not copied, so it lives here.
struct Pending {
  std::optional<Buffer> value;
  Producer::Done done;
};

rd_kafka_vu_t bytes_argument(rd_kafka_vtype_t type, const std::optional<Buffer>& bytes) {
  rd_kafka_vu_t argument{};
  argument.vtype = type;
  if (bytes) {
    // librdkafka only reads it; the C interface has no const.
    argument.u.mem.ptr = const_cast<char*>(bytes->data());
    argument.u.mem.size = bytes->size();
  }
  return argument;
}

rd_kafka_headers_t* headers_of(const std::vector<Header>& headers) {
  rd_kafka_headers_t* list = rd_kafka_headers_new(headers.size());
  for (const Header& header : headers) {
    rd_kafka_header_add(list, header.name.data(), static_cast<ssize_t>(header.name.size()),
                        header.value ? header.value->data() : nullptr,
                        header.value ? static_cast<ssize_t>(header.value->size()) : 0);
  }
  return list;
}

Outcome outcome_of(const rd_kafka_message_t& message) {
  switch (rd_kafka_message_status(&message)) {
    case RD_KAFKA_MSG_STATUS_NOT_PERSISTED:
      return Outcome::not_persisted;
    case RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED:
      return Outcome::possibly_persisted;
    case RD_KAFKA_MSG_STATUS_PERSISTED:
      return Outcome::persisted;
  }
  return Outcome::possibly_persisted;
}

Options options_of(const ProducerOptions& options) {
  return {
      {"enable.idempotence", "true"},
      {"acks", "all"},
      {"linger.ms", fmt::to_string(options.linger.count())},
      {"message.timeout.ms", fmt::to_string(options.message_timeout.count())},
      {"request.timeout.ms", fmt::to_string(options.request_timeout.count())},
      {"queue.buffering.max.messages", fmt::to_string(options.queue_messages_max)},
      {"queue.buffering.max.kbytes", fmt::to_string((options.queue_bytes_max + 1023) / 1024)},
      {"message.max.bytes", fmt::to_string(options.message_bytes_max)},
      {"partitioner", "murmur2_random"},  // a key lands where Java clients put it
  };
}

}  // namespace

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::persisted:
      return "persisted";
    case Outcome::not_persisted:
      return "not_persisted";
    case Outcome::possibly_persisted:
      return "possibly_persisted";
  }
  return "unknown";
}

// The handle's owner. `delivered` runs on thread_ only, the rest where it is called.
struct Producer::Impl final : Listener {
  explicit Impl(const Settings& settings) : Listener(settings) {}
  ~Impl() override;

  void run();
  void delivered(const rd_kafka_message_t& message) override;
  void finished_one();

  rd_kafka_t* handle = nullptr;
  std::atomic<bool> closing{false};
  std::mutex mutex;
  std::condition_variable none_outstanding;
  std::size_t outstanding = 0;  // under mutex
  std::size_t outstanding_max = 0;
  std::thread thread;
};

Producer::Impl::~Impl() {
  if (handle == nullptr) return;
  closing.store(true);
  rd_kafka_purge(handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  if (thread.joinable()) thread.join();
  rd_kafka_destroy(handle);
}

void Producer::Impl::run() {
  const SystemClock clock;
  Instant next_probe{};
  while (true) {
    if (!closing.load() && !contact.reachable() && clock.now() >= next_probe) {
      const struct rd_kafka_metadata* metadata = nullptr;
      if (rd_kafka_metadata(handle, 0, nullptr, &metadata, timeout_of(kProbeTimeout)) ==
          RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_metadata_destroy(metadata);
        contact.up();
      }
      next_probe = clock.now() + kProbeEvery;
    }
    rd_kafka_poll(handle, kPollMillis);
    if (!closing.load()) continue;
    const std::lock_guard lock(mutex);
    if (outstanding == 0) return;
  }
}

void Producer::Impl::delivered(const rd_kafka_message_t& message) {
  const std::unique_ptr<Pending> pending(static_cast<Pending*>(message._private));
  Delivery delivery{.outcome = outcome_of(message), .partition = message.partition};
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    delivery.offset = message.offset;
    contact.up();
  } else {
    delivery.error = error_of(
        message.err,
        fmt::format("sending to {}[{}]", rd_kafka_topic_name(message.rkt), message.partition));
  }
  if (pending->done) pending->done(std::move(delivery));
  finished_one();
}

void Producer::Impl::finished_one() {
  const std::lock_guard lock(mutex);
  if (--outstanding == 0) none_outstanding.notify_all();
}

Producer::Producer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Producer::~Producer() = default;

Result<std::unique_ptr<Producer>> Producer::open(const Settings& settings,
                                                 const ProducerOptions& options) {
  auto impl = std::make_unique<Impl>(settings);
  TRY(handle, open_handle(RD_KAFKA_PRODUCER, settings, options_of(options), *impl));
  impl->handle = handle;
  impl->outstanding_max = static_cast<std::size_t>(options.queue_messages_max);
  impl->thread = std::thread([owner = impl.get()] { owner->run(); });
  return std::unique_ptr<Producer>(new Producer(std::move(impl)));
}

Result<void> Producer::send(ProduceRecord record, Done done) {
  Impl& impl = *impl_;
  if (impl.closing.load()) return fail(Code::closed, "the producer is closing");

  auto pending = std::make_unique<Pending>(std::move(record.value), std::move(done));
  rd_kafka_vu_t arguments[7] = {};
  std::size_t count = 0;
  arguments[count].vtype = RD_KAFKA_VTYPE_TOPIC;
  arguments[count++].u.cstr = record.topic.c_str();
  arguments[count].vtype = RD_KAFKA_VTYPE_PARTITION;
  arguments[count++].u.i32 = record.partition;
  arguments[count++] = bytes_argument(RD_KAFKA_VTYPE_KEY, record.key);
  arguments[count++] = bytes_argument(RD_KAFKA_VTYPE_VALUE, pending->value);
  arguments[count].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  arguments[count++].u.i64 = record.timestamp_ms;
  arguments[count].vtype = RD_KAFKA_VTYPE_OPAQUE;
  arguments[count++].u.ptr = pending.get();
  rd_kafka_headers_t* headers = record.headers.empty() ? nullptr : headers_of(record.headers);
  if (headers != nullptr) {
    arguments[count].vtype = RD_KAFKA_VTYPE_HEADERS;
    arguments[count++].u.headers = headers;
  }

  {
    // Before the call: the outcome may be there before it returns.
    const std::lock_guard lock(impl.mutex);
    ++impl.outstanding;
  }
  const KafkaError error(rd_kafka_produceva(impl.handle, arguments, count));
  if (error == nullptr) {
    // delivered() owns it now.
    static_cast<void>(pending.release());
    return {};
  }
  impl.finished_one();
  if (headers != nullptr) rd_kafka_headers_destroy(headers);
  if (auto dead = fatal()) return std::unexpected(std::move(*dead));
  return std::unexpected(error_of(*error, fmt::format("sending to {}", record.topic)));
}

void Producer::look_up(const std::string& topic, Millis timeout) {
  const std::unique_ptr<rd_kafka_topic_t, Destroyer<rd_kafka_topic_destroy>> handle(
      rd_kafka_topic_new(impl_->handle, topic.c_str(), nullptr));
  if (handle == nullptr) return;
  const struct rd_kafka_metadata* metadata = nullptr;
  if (rd_kafka_metadata(impl_->handle, 0, handle.get(), &metadata, timeout_of(timeout)) ==
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_metadata_destroy(metadata);
  }
}

Result<void> Producer::flush(Millis timeout) {
  std::unique_lock lock(impl_->mutex);
  if (!impl_->none_outstanding.wait_for(lock, timeout,
                                        [this] { return impl_->outstanding == 0; })) {
    return fail(Code::timed_out, fmt::format("{} records without an outcome after {} ms",
                                             impl_->outstanding, timeout.count()));
  }
  return {};
}

bool Producer::reachable() const {
  return impl_->contact.reachable();
}

std::optional<Error> Producer::fatal() const {
  char text[512];
  const auto error = rd_kafka_fatal_error(impl_->handle, text, sizeof text);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  const Code code = code_of(error) == Code::fenced ? Code::fenced : Code::unavailable;
  return Error{code, fmt::format("the producer cannot go on: {}", text)};
}

std::size_t Producer::outstanding() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->outstanding;
}

bool Producer::full() const {
  return outstanding() >= impl_->outstanding_max;
}

}  // namespace sluice::client
