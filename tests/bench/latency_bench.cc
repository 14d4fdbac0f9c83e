// What one durable record costs with one in flight, beside what the machine asks for it: an append
// and fdatasync of the same bytes to a bare file, and a round trip of the same bytes over loopback,
// all three in turns in one loop, so that noise meets them alike.
// usage: latency_bench PORT TOPIC RECORD_BYTES ROUNDS FILE, prints one JSON line.

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "tests/bench/latencies.h"
#include "tests/bench/program.h"
#include "tests/bench/requests.h"
#include "tests/bench/sockets.h"

namespace sluice::bench {
namespace {

constexpr int kWarmUpRounds = 100;

// Sends back what it gets, from a thread of its own, until the connection ends.
class Echo {
 public:
  Echo() : thread_([this] { serve(); }) {}
  std::uint16_t port() const { return listener_.port(); }

 private:
  void serve() const {
    const File socket = listener_.accept();
    Buffer bytes(64 << 10, '\0');
    for (;;) {
      const ssize_t got = ::read(socket.number(), bytes.data(), bytes.size());
      if (got <= 0) return;
      if (!write_all(socket.number(), ByteView(bytes).substr(0, static_cast<std::size_t>(got)))) {
        return;
      }
    }
  }

  const Listener listener_;
  std::jthread thread_;
};

Result<void> produce(int socket, ByteView request, Buffer& memory) {
  TRY_VOID(write_all(socket, request));
  TRY(frame, read_frame(socket, memory));
  return check_produced(frame);
}

template <class Operation>
Result<void> time(const Clock& clock, Latencies& into, Operation operation) {
  const Instant start = clock.now();
  TRY_VOID(operation());
  into.add(clock.now() - start);
  return {};
}

std::string json(Latencies& latencies) {
  return fmt::format("{{\"p50_us\":{},\"p99_us\":{},\"max_us\":{}}}", latencies.percentile(0.5),
                     latencies.percentile(0.99), latencies.percentile(1));
}

struct Plan {
  std::uint16_t port = 0;
  std::string topic;
  std::size_t record_bytes = 0;
  int rounds = 0;
  std::string file;
};

Result<void> run_plan(const Plan& plan) {
  const SystemClock clock;
  const Buffer request =
      produce_request(plan.topic, 0, record_batch(plan.record_bytes, 1, clock.wall().unix_millis));
  Buffer memory;
  const Buffer record(plan.record_bytes, 'v');
  const File file(::open(plan.file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  const Echo echo;
  TRY(there_and_back, connect_to(echo.port()));
  TRY(broker, connect_to(plan.port));
  Latencies sync;
  Latencies trip;
  Latencies durable;
  for (int round = -kWarmUpRounds; round < plan.rounds; ++round) {
    if (round == 0) {
      for (Latencies* latencies : {&sync, &trip, &durable}) latencies->clear();
    }
    TRY_VOID(time(clock, sync, [&]() -> Result<void> {
      TRY_VOID(write_all(file.number(), record));
      if (::fdatasync(file.number()) != 0) return fail(Code::io, "the file cannot be synced");
      return {};
    }));
    TRY_VOID(time(clock, trip, [&]() -> Result<void> {
      TRY_VOID(write_all(there_and_back.number(), record));
      TRY_VOID(read_exactly(there_and_back.number(), record.size()));
      return {};
    }));
    TRY_VOID(time(clock, durable, [&] { return produce(broker.number(), request, memory); }));
  }
  fmt::print("{{\"fdatasync\":{},\"loopback\":{},\"produce\":{}}}\n", json(sync), json(trip),
             json(durable));
  return {};
}

std::optional<Plan> plan_of(std::span<char*> words) {
  Plan plan;
  if (words.size() != 6 || !parse(words[1], plan.port) || !parse(words[3], plan.record_bytes) ||
      !parse(words[4], plan.rounds)) {
    return std::nullopt;
  }
  if (plan.port == 0 || plan.record_bytes == 0 || plan.rounds <= 0) return std::nullopt;
  plan.topic = words[2];
  plan.file = words[5];
  return plan;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run<sluice::bench::Plan>(
      {argv, static_cast<std::size_t>(argc)}, "latency_bench PORT TOPIC RECORD_BYTES ROUNDS FILE",
      sluice::bench::plan_of, sluice::bench::run_plan);
}
