// What one durable record costs with one in flight, beside what the machine asks for it: an append
// and fdatasync of the same bytes to a bare file, and a round trip of the same bytes over loopback,
// all three in turns in one loop, so that noise meets them alike.
// usage: latency_bench PORT TOPIC RECORD_BYTES ROUNDS FILE, prints one JSON line.

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/wire/codec.h"
#include "shared/wire/frame.h"
#include "shared/wire/messages/produce.h"
#include "shared/wire/record.h"
#include "tests/bench/latencies.h"
#include "tests/bench/program.h"

namespace sluice::bench {
namespace {

constexpr std::int16_t kProduceVersion = 9;
constexpr int kWarmUpRounds = 100;

class File {
 public:
  explicit File(int number) : number_(number) {}
  File(File&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  File& operator=(File&&) = delete;
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

Result<Buffer> read_exactly(int file, std::size_t count) {
  Buffer bytes(count, '\0');
  for (std::size_t done = 0; done < count;) {
    const ssize_t got = ::read(file, bytes.data() + done, count - done);
    if (got <= 0) return fail(Code::io, "the connection ended");
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// The sockets API takes every address family through this one type.
sockaddr* generic(sockaddr_in& address) {
  return static_cast<sockaddr*>(static_cast<void*>(&address));
}

void send_at_once(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

Result<File> connect_to(std::uint16_t port) {
  File socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(port);
  if (::connect(socket.number(), generic(address), sizeof(address)) != 0) {
    return fail(Code::unavailable, fmt::format("port {} does not answer", port));
  }
  send_at_once(socket.number());
  return socket;
}

// Sends back what it gets, from a thread of its own, until the connection ends.
class Echo {
 public:
  Echo() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof(address);
    ::bind(listener_.number(), generic(address), size);
    ::listen(listener_.number(), 1);
    ::getsockname(listener_.number(), generic(address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { serve(); });
  }
  std::uint16_t port() const { return port_; }

 private:
  void serve() const {
    const File socket(::accept4(listener_.number(), nullptr, nullptr, SOCK_CLOEXEC));
    send_at_once(socket.number());
    Buffer bytes(64 << 10, '\0');
    for (;;) {
      const ssize_t got = ::read(socket.number(), bytes.data(), bytes.size());
      if (got <= 0) return;
      if (!write_all(socket.number(), ByteView(bytes).substr(0, static_cast<std::size_t>(got)))) {
        return;
      }
    }
  }

  File listener_;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

Buffer produce_request(const std::string& topic, std::size_t record_bytes) {
  wire::RecordBatchBuilder batch({.producer_id = -1, .producer_epoch = -1, .base_sequence = -1});
  batch.add(SystemClock().wall().unix_millis, std::nullopt, Buffer(record_bytes, 'v'));
  const Buffer records = std::move(batch).finish();
  wire::ProduceRequest request{.acks = -1, .timeout_ms = 30'000};
  auto& data = request.topic_data.emplace_back();
  data.name = topic;
  data.partition_data.push_back({.index = 0, .records = records});
  return wire::encode_request({.api_version = kProduceVersion, .client_id = "bench"}, request);
}

Result<void> produce(int socket, ByteView request) {
  TRY_VOID(write_all(socket, request));
  TRY(prefix, read_exactly(socket, wire::kSizePrefixBytes));
  TRY(frame, read_exactly(socket, load_be<std::uint32_t>(prefix.data())));
  TRY(parsed, wire::decode_response_frame(frame, wire::ApiKey::produce, kProduceVersion));
  TRY(response, wire::decode<wire::ProduceResponse>(parsed.body, kProduceVersion));
  const auto error = response.responses.at(0).partition_responses.at(0).error_code;
  if (error == wire::ErrorCode::none) return {};
  return fail(Code::unavailable,
              fmt::format("the broker answers error {}", std::to_underlying(error)));
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
  const Buffer request = produce_request(plan.topic, plan.record_bytes);
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
    TRY_VOID(time(clock, durable, [&] { return produce(broker.number(), request); }));
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
