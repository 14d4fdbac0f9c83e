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

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/wire/codec.h"
#include "shared/wire/frame.h"
#include "shared/wire/messages/produce.h"
#include "shared/wire/record.h"

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

Result<void> write_all(int file, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written <= 0) return fail(Code::io, "a write failed");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

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

// Latencies of one kind of operation, in microseconds.
class Series {
 public:
  template <class Operation>
  Result<void> time(const Clock& clock, Operation operation) {
    const Instant start = clock.now();
    TRY_VOID(operation());
    micros_.push_back((clock.now() - start).count() / 1000);
    return {};
  }
  void forget() { micros_.clear(); }
  std::string json() {
    std::ranges::sort(micros_);
    const auto at = [this](double share) {
      return micros_[static_cast<std::size_t>(share * static_cast<double>(micros_.size() - 1))];
    };
    return fmt::format("{{\"p50_us\":{},\"p99_us\":{},\"max_us\":{}}}", at(0.5), at(0.99), at(1));
  }

 private:
  std::vector<std::int64_t> micros_;
};

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
  Series sync;
  Series trip;
  Series durable;
  for (int round = -kWarmUpRounds; round < plan.rounds; ++round) {
    if (round == 0) {
      for (Series* series : {&sync, &trip, &durable}) series->forget();
    }
    TRY_VOID(sync.time(clock, [&]() -> Result<void> {
      TRY_VOID(write_all(file.number(), record));
      if (::fdatasync(file.number()) != 0) return fail(Code::io, "the file cannot be synced");
      return {};
    }));
    TRY_VOID(trip.time(clock, [&]() -> Result<void> {
      TRY_VOID(write_all(there_and_back.number(), record));
      TRY_VOID(read_exactly(there_and_back.number(), record.size()));
      return {};
    }));
    TRY_VOID(durable.time(clock, [&] { return produce(broker.number(), request); }));
  }
  fmt::print("{{\"fdatasync\":{},\"loopback\":{},\"produce\":{}}}\n", sync.json(), trip.json(),
             durable.json());
  return {};
}

template <class T>
bool parse(std::string_view text, T& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > 0;
}

int run(std::span<char*> words) {
  Plan plan;
  if (words.size() != 6 || !parse(words[1], plan.port) || !parse(words[3], plan.record_bytes) ||
      !parse(words[4], plan.rounds)) {
    fmt::print(stderr, "usage: latency_bench PORT TOPIC RECORD_BYTES ROUNDS FILE\n");
    return 2;
  }
  plan.topic = words[2];
  plan.file = words[5];
  if (const auto done = run_plan(plan); !done) {
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
