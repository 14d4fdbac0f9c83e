// How many durable records a second our own client gets into a broker.
// usage: produce_bench SERVERS TOPIC PARTITIONS RECORD_BYTES RECORDS LINGER_MS, prints one JSON
// line.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
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

namespace sluice::bench {
namespace {

struct Plan {
  std::string servers;
  std::string topic;
  std::int32_t partitions = 1;
  std::size_t record_bytes = 0;
  std::int64_t records = 0;
  Millis linger{0};
};

// Enough for full batches, few enough that latency means something.
constexpr std::int64_t kOutstandingBytesMax = 32LL << 20;
constexpr std::int64_t kOutstandingRecordsMax = 50'000;

// Counts what is under way; shared by the sending thread and the producer's.
class Flight {
 public:
  explicit Flight(std::int64_t limit) : limit_(limit) {}

  void take_off() {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return flying_ < limit_; });
    ++flying_;
  }

  void land(std::chrono::nanoseconds latency, bool persisted) {
    const std::lock_guard lock(mutex_);
    if (flying_-- == limit_) room_.notify_one();
    if (persisted) {
      latencies_.push_back(latency);
    } else {
      ++failed_;
    }
  }

  std::int64_t failed() const { return failed_; }

  // Microseconds. REQUIRES: nothing flies any more.
  std::int64_t percentile(double share) {
    if (latencies_.empty()) return 0;
    const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(latencies_.size() - 1));
    std::nth_element(latencies_.begin(), latencies_.begin() + at, latencies_.end());
    return latencies_[static_cast<std::size_t>(at)].count() / 1000;
  }

 private:
  const std::int64_t limit_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::int64_t flying_ = 0;
  std::int64_t failed_ = 0;
  std::vector<std::chrono::nanoseconds> latencies_;
};

Result<double> produce_all(const Plan& plan, client::Producer& producer, Flight& flight) {
  const Buffer value(plan.record_bytes, 'v');
  const SystemClock clock;
  const Instant start = clock.now();
  for (std::int64_t n = 0; n < plan.records; ++n) {
    flight.take_off();
    const Instant sent = clock.now();
    client::ProduceRecord record{.topic = plan.topic,
                                 .partition = static_cast<std::int32_t>(n % plan.partitions),
                                 .key = std::nullopt,
                                 .value = value,
                                 .headers = {}};
    TRY_VOID(producer.send(std::move(record), [&flight, &clock, sent](client::Delivery delivery) {
      flight.land(clock.now() - sent, delivery.outcome == client::Outcome::persisted);
    }));
  }
  TRY_VOID(producer.flush(Millis(120'000)));
  return static_cast<double>((clock.now() - start).count()) / 1e9;
}

std::int64_t limit_of(const Plan& plan) {
  return std::clamp(kOutstandingBytesMax / static_cast<std::int64_t>(plan.record_bytes),
                    std::int64_t{1}, kOutstandingRecordsMax);
}

Result<void> run_plan(const Plan& plan) {
  Flight flight(limit_of(plan));
  client::ProducerOptions options;
  options.linger = plan.linger;
  TRY(producer,
      client::Producer::open({.bootstrap_servers = plan.servers, .client_id = "bench", .extra = {}},
                             options));
  TRY(seconds, produce_all(plan, *producer, flight));
  if (flight.failed() > 0) {
    return fail(Code::unavailable, fmt::format("{} records were not persisted", flight.failed()));
  }
  fmt::print("{{\"seconds\":{:.6f},\"records\":{},\"bytes\":{},\"p50_us\":{},\"p99_us\":{}}}\n",
             seconds, plan.records, plan.records * static_cast<std::int64_t>(plan.record_bytes),
             flight.percentile(0.5), flight.percentile(0.99));
  return {};
}

template <class T>
bool parse(std::string_view text, T& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0;
}

std::optional<Plan> plan_of(std::span<char*> words) {
  std::int64_t linger_ms = 0;
  if (words.size() != 7) return std::nullopt;
  Plan plan{.servers = words[1], .topic = words[2]};
  if (!parse(words[3], plan.partitions) || !parse(words[4], plan.record_bytes) ||
      !parse(words[5], plan.records) || !parse(words[6], linger_ms)) {
    return std::nullopt;
  }
  if (plan.partitions == 0 || plan.record_bytes == 0) return std::nullopt;
  plan.linger = Millis(linger_ms);
  return plan;
}

int run(std::span<char*> words) {
  const auto plan = plan_of(words);
  if (!plan) {
    fmt::print(stderr,
               "usage: produce_bench SERVERS TOPIC PARTITIONS RECORD_BYTES RECORDS LINGER_MS\n");
    return 2;
  }
  if (const auto done = run_plan(*plan); !done) {
    fmt::print(stderr, "{}\n", done.error().context);
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run({argv, static_cast<std::size_t>(argc)});
}
