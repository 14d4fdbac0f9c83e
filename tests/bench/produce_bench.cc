// How many durable records a second our own client gets into a broker.
// usage: produce_bench SERVERS TOPIC PARTITIONS RECORD_BYTES RECORDS LINGER_MS IN_FLIGHT RATE KEYS
// prints one JSON line. KEYS 0: none, else so many different ones, in turn. IN_FLIGHT 0: as many
// records as keep every batch full. RATE 0: a closed loop; else so many records a second are due,
// whatever the broker does, and a record's latency counts from when it was due; then IN_FLIGHT has
// no meaning.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/client/producer.h"
#include "tests/bench/latencies.h"
#include "tests/bench/program.h"

namespace sluice::bench {
namespace {

struct Plan {
  std::string servers;
  std::string topic;
  std::int32_t partitions = 1;
  std::size_t record_bytes = 0;
  std::int64_t records = 0;
  Millis linger{0};
  std::int64_t in_flight = 0;
  std::int64_t rate = 0;
  std::int64_t keys = 0;
};

// Enough for full batches, few enough that latency means something.
constexpr std::int64_t kOutstandingBytesMax = 32LL << 20;
constexpr std::int64_t kOutstandingRecordsMax = 50'000;

std::int64_t in_flight_of(const Plan& plan) {
  if (plan.in_flight > 0) return plan.in_flight;
  return std::clamp(kOutstandingBytesMax / static_cast<std::int64_t>(plan.record_bytes),
                    std::int64_t{1}, kOutstandingRecordsMax);
}

// Sends all records and notes how long each took. In the closed loop each record that lands sends
// the next one, on the producer's own thread; the first ones, and all of a given rate, are sent by
// the main thread.
class Load {
 public:
  Load(const Plan& plan, client::Producer& producer)
      : plan_(plan), producer_(producer), value_(plan.record_bytes, 'v') {
    latencies_.reserve(static_cast<std::size_t>(plan.records));
  }

  // The seconds from the first send to the last landing.
  Result<double> run() {
    const Instant start = clock_.now();
    if (plan_.rate > 0) {
      send_at_rate(start);
    } else {
      const std::int64_t in_flight = std::min(in_flight_of(plan_), plan_.records);
      for (std::int64_t n = 0; n < in_flight; ++n) send_next();
    }
    std::unique_lock lock(mutex_);
    over_.wait(lock, [this] { return landed_ == plan_.records || error_; });
    if (error_) return std::unexpected(*error_);
    return static_cast<double>((clock_.now() - start).count()) / 1e9;
  }

  // REQUIRES: run() has finished.
  Latencies& latencies() { return latencies_; }

 private:
  void send_at_rate(Instant start) {
    for (std::int64_t number = 0; number < plan_.records; ++number) {
      const Instant due = start + std::chrono::nanoseconds(number * 1'000'000'000 / plan_.rate);
      std::unique_lock lock(mutex_);
      if (over_.wait_for(lock, due - clock_.now(), [this] { return error_.has_value(); })) return;
      lock.unlock();
      send(number, due);
    }
  }

  void send_next() {
    std::int64_t number = 0;
    {
      const std::lock_guard lock(mutex_);
      if (sent_ == plan_.records || error_) return;
      number = sent_++;
    }
    send(number, clock_.now());
  }

  void send(std::int64_t number, Instant sent_at) {
    client::ProduceRecord record{.topic = plan_.topic,
                                 .partition = static_cast<std::int32_t>(number % plan_.partitions),
                                 .key = key_of(number),
                                 .value = value_,
                                 .headers = {}};
    const auto sent =
        producer_.send(std::move(record), [this, sent_at](const client::Delivery& delivery) {
          land(clock_.now() - sent_at, delivery);
          if (plan_.rate == 0) send_next();
        });
    if (!sent) stop(sent.error());
  }

  std::optional<Buffer> key_of(std::int64_t number) const {
    if (plan_.keys == 0) return std::nullopt;
    return fmt::format("key-{:010}", number % plan_.keys);
  }

  void land(std::chrono::nanoseconds latency, const client::Delivery& delivery) {
    if (delivery.outcome != client::Outcome::persisted) {
      return stop(delivery.error.value_or(Error{Code::unavailable, "a record was not persisted"}));
    }
    const std::lock_guard lock(mutex_);
    latencies_.add(latency);
    if (++landed_ == plan_.records) over_.notify_one();
  }

  void stop(Error error) {
    const std::lock_guard lock(mutex_);
    error_ = std::move(error);
    over_.notify_one();
  }

  const Plan& plan_;
  client::Producer& producer_;
  const Buffer value_;
  const SystemClock clock_;
  std::mutex mutex_;
  std::condition_variable over_;
  std::int64_t sent_ = 0;
  std::int64_t landed_ = 0;
  std::optional<Error> error_;
  Latencies latencies_;
};

Result<void> run_plan(const Plan& plan) {
  client::ProducerOptions options;
  options.linger = plan.linger;
  TRY(producer,
      client::Producer::open({.bootstrap_servers = plan.servers, .client_id = "bench", .extra = {}},
                             options));
  producer->look_up(plan.topic, Millis(10'000));
  Load load(plan, *producer);
  TRY(seconds, load.run());
  TRY_VOID(producer->flush(Millis(10'000)));
  fmt::print(
      "{{\"seconds\":{:.6f},\"records\":{},\"bytes\":{},\"p50_us\":{},\"p99_us\":{},"
      "\"p999_us\":{},\"max_us\":{}}}\n",
      seconds, plan.records, plan.records * static_cast<std::int64_t>(plan.record_bytes),
      load.latencies().percentile(0.5), load.latencies().percentile(0.99),
      load.latencies().percentile(0.999), load.latencies().percentile(1));
  return {};
}

std::optional<Plan> plan_of(std::span<char*> words) {
  std::int64_t linger_ms = 0;
  if (words.size() != 10) return std::nullopt;
  Plan plan{.servers = words[1], .topic = words[2]};
  if (!parse(words[3], plan.partitions) || !parse(words[4], plan.record_bytes) ||
      !parse(words[5], plan.records) || !parse(words[6], linger_ms) ||
      !parse(words[7], plan.in_flight) || !parse(words[8], plan.rate) ||
      !parse(words[9], plan.keys)) {
    return std::nullopt;
  }
  if (plan.partitions <= 0 || plan.record_bytes == 0 || plan.records < 0 || linger_ms < 0 ||
      plan.in_flight < 0 || plan.rate < 0 || plan.keys < 0) {
    return std::nullopt;
  }
  plan.linger = Millis(linger_ms);
  return plan;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run<sluice::bench::Plan>(
      {argv, static_cast<std::size_t>(argc)},
      "produce_bench SERVERS TOPIC PARTITIONS RECORD_BYTES RECORDS LINGER_MS IN_FLIGHT RATE KEYS",
      sluice::bench::plan_of, sluice::bench::run_plan);
}
