// What single operations on many partitions take, by a raw client over one connection: produce of
// one batch to partitions in turn or at random, fetch of a few KiB at a random place.
// usage: operations_bench PORT fill|produce|fetch TOPIC PARTITIONS RECORD_BYTES BATCH_RECORDS
//                         OFFSETS COUNT IN_FLIGHT
// prints one JSON line. Partition n is partition n % 1000 of the topic TOPIC-(n / 1000); fetches
// begin at random offsets below OFFSETS.

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "shared/base/clock.h"
#include "shared/base/random.h"
#include "tests/bench/latencies.h"
#include "tests/bench/program.h"
#include "tests/bench/requests.h"

namespace sluice::bench {
namespace {

constexpr std::uint64_t kPartitionsPerTopic = 1000;
constexpr std::int32_t kFetchBytes = 4096;

enum class Kind { fill, produce, fetch };

struct Plan {
  std::uint16_t port = 0;
  Kind kind = Kind::fill;
  std::string topic;
  std::uint64_t partitions = 0;
  std::size_t record_bytes = 0;
  int batch_records = 0;
  std::uint64_t offsets = 0;
  std::uint64_t count = 0;
  std::uint64_t in_flight = 0;
};

class Requests {
 public:
  explicit Requests(const Plan& plan)
      : plan_(plan),
        batch_(record_batch(plan.record_bytes, plan.batch_records,
                            SystemClock().wall().unix_millis)) {}

  Buffer make(std::uint64_t number) {
    const std::uint64_t at =
        plan_.kind == Kind::fill ? number % plan_.partitions : random_.below(plan_.partitions);
    const std::string topic = fmt::format("{}-{}", plan_.topic, at / kPartitionsPerTopic);
    const auto partition = static_cast<std::int32_t>(at % kPartitionsPerTopic);
    if (plan_.kind != Kind::fetch) return produce_request(topic, partition, batch_);
    const auto offset = static_cast<std::int64_t>(random_.below(plan_.offsets));
    return fetch_request(topic, partition, offset, kFetchBytes);
  }

  Result<void> check(ByteView frame) const {
    if (plan_.kind != Kind::fetch) return check_produced(frame);
    TRY(records, fetched_records(frame));
    if (records.empty()) return fail(Code::corrupt, "a fetch found nothing");
    return {};
  }

 private:
  const Plan& plan_;
  const Buffer batch_;
  SeededRandom random_{1};
};

Result<void> run_plan(const Plan& plan) {
  const SystemClock clock;
  TRY(socket, connect_to(plan.port));
  Requests requests(plan);
  Latencies latencies;
  std::deque<Instant> sent;
  Buffer memory;
  std::uint64_t answer_bytes = 0;
  const Instant start = clock.now();
  std::uint64_t next = 0;
  for (std::uint64_t answered = 0; answered < plan.count; ++answered) {
    while (next < plan.count && sent.size() < plan.in_flight) {
      sent.push_back(clock.now());
      TRY_VOID(write_all(socket.number(), requests.make(next++)));
    }
    TRY(frame, read_frame(socket.number(), memory));
    TRY_VOID(requests.check(frame));
    latencies.add(clock.now() - sent.front());
    sent.pop_front();
    answer_bytes += frame.size();
  }
  fmt::print(
      "{{\"seconds\":{:.6f},\"operations\":{},\"answer_bytes\":{},\"p50_us\":{},\"p99_us\":{}}}\n",
      static_cast<double>((clock.now() - start).count()) / 1e9, plan.count, answer_bytes,
      latencies.percentile(0.5), latencies.percentile(0.99));
  return {};
}

std::optional<Kind> kind_of(std::string_view word) {
  if (word == "fill") return Kind::fill;
  if (word == "produce") return Kind::produce;
  if (word == "fetch") return Kind::fetch;
  return std::nullopt;
}

std::optional<Plan> plan_of(std::span<char*> words) {
  Plan plan;
  if (words.size() != 10 || !parse(words[1], plan.port) || !parse(words[4], plan.partitions) ||
      !parse(words[5], plan.record_bytes) || !parse(words[6], plan.batch_records) ||
      !parse(words[7], plan.offsets) || !parse(words[8], plan.count) ||
      !parse(words[9], plan.in_flight)) {
    return std::nullopt;
  }
  const auto kind = kind_of(words[2]);
  if (!kind || std::min({plan.partitions, plan.offsets, plan.in_flight}) == 0 ||
      plan.batch_records <= 0) {
    return std::nullopt;
  }
  plan.kind = *kind;
  plan.topic = words[3];
  return plan;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run<sluice::bench::Plan>(
      {argv, static_cast<std::size_t>(argc)},
      "operations_bench PORT fill|produce|fetch TOPIC PARTITIONS RECORD_BYTES BATCH_RECORDS "
      "OFFSETS COUNT IN_FLIGHT",
      sluice::bench::plan_of, sluice::bench::run_plan);
}
