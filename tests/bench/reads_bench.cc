// How fast one consumer reads a partition through Fetch, one answer after the other, beside a
// sender that answers as many bytes to the same requests over loopback and knows nothing; in turns,
// PASSES times.
// usage: reads_bench PORT TOPIC PARTITION FROM ANSWER_BYTES PASSES, prints one JSON line.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "shared/base/clock.h"
#include "tests/bench/latencies.h"
#include "tests/bench/program.h"
#include "tests/bench/requests.h"
#include "tests/bench/sockets.h"

namespace sluice::bench {
namespace {

struct Plan {
  std::uint16_t port = 0;
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t from = 0;
  std::int32_t answer_bytes = 0;
  int passes = 0;
};

// Answers each 4 bytes that name a size with so many bytes, from a thread of its own.
class Sender {
 public:
  explicit Sender(std::size_t answer_bytes_max)
      : bytes_(answer_bytes_max, 'x'), thread_([this] { serve(); }) {}
  std::uint16_t port() const { return listener_.port(); }

 private:
  void serve() const {
    const File socket = listener_.accept();
    for (char wanted[4]; read_into(socket.number(), wanted, sizeof(wanted));) {
      const auto size = load_be<std::uint32_t>(wanted);
      if (!write_all(socket.number(), ByteView(bytes_).substr(0, size))) return;
    }
  }

  const Listener listener_;
  const Buffer bytes_;
  std::jthread thread_;
};

struct Pass {
  std::chrono::nanoseconds time{0};
  std::vector<std::size_t> answers;  // their sizes
};

// From the offset to the partition's end.
Result<Pass> fetch_all(const Plan& plan, int socket, Latencies& latencies) {
  const SystemClock clock;
  Pass pass;
  Buffer memory;
  const Instant start = clock.now();
  for (std::int64_t offset = plan.from;;) {
    const Instant asked = clock.now();
    TRY_VOID(
        write_all(socket, fetch_request(plan.topic, plan.partition, offset, plan.answer_bytes)));
    TRY(frame, read_frame(socket, memory));
    TRY(records, fetched_records(frame));
    if (records.empty()) break;
    TRY(next, next_offset(records));
    latencies.add(clock.now() - asked);
    pass.answers.push_back(frame.size());
    offset = next;
  }
  pass.time = clock.now() - start;
  return pass;
}

Result<std::chrono::nanoseconds> stream_all(int socket, const std::vector<std::size_t>& answers) {
  const SystemClock clock;
  Buffer memory(answers.empty() ? 0 : *std::ranges::max_element(answers), '\0');
  const Instant start = clock.now();
  for (const std::size_t size : answers) {
    Buffer wanted;
    append_be(wanted, static_cast<std::uint32_t>(size));
    TRY_VOID(write_all(socket, wanted));
    TRY_VOID(read_into(socket, memory.data(), size));
  }
  return clock.now() - start;
}

Result<void> run_plan(const Plan& plan) {
  constexpr std::size_t kAnswerBytesMax = 64 << 20;
  const Sender sender(kAnswerBytesMax);
  TRY(stream, connect_to(sender.port()));
  TRY(broker, connect_to(plan.port));
  Latencies latencies;
  std::chrono::nanoseconds fetching{0};
  std::chrono::nanoseconds streaming{0};
  std::uint64_t bytes = 0;
  for (int n = 0; n < plan.passes; ++n) {
    TRY(pass, fetch_all(plan, broker.number(), latencies));
    TRY(streamed, stream_all(stream.number(), pass.answers));
    fetching += pass.time;
    streaming += streamed;
    for (const std::size_t size : pass.answers) bytes += size;
  }
  const auto rate = [bytes](std::chrono::nanoseconds time) {
    return static_cast<double>(bytes) * 1e3 / static_cast<double>(time.count());
  };
  fmt::print(
      "{{\"bytes\":{},\"answers\":{},\"fetch_mb_s\":{:.1f},\"loopback_mb_s\":{:.1f},"
      "\"p50_us\":{},\"p99_us\":{}}}\n",
      bytes, latencies.count(), rate(fetching), rate(streaming), latencies.percentile(0.5),
      latencies.percentile(0.99));
  return {};
}

std::optional<Plan> plan_of(std::span<char*> words) {
  Plan plan;
  if (words.size() != 7 || !parse(words[1], plan.port) || !parse(words[3], plan.partition) ||
      !parse(words[4], plan.from) || !parse(words[5], plan.answer_bytes) ||
      !parse(words[6], plan.passes)) {
    return std::nullopt;
  }
  if (plan.port == 0 || plan.answer_bytes <= 0 || plan.passes <= 0) return std::nullopt;
  plan.topic = words[2];
  return plan;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run<sluice::bench::Plan>(
      {argv, static_cast<std::size_t>(argc)},
      "reads_bench PORT TOPIC PARTITION FROM ANSWER_BYTES PASSES", sluice::bench::plan_of,
      sluice::bench::run_plan);
}
