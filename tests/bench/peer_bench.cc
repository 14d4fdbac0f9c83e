// How many durable records a second another server takes over one connection.
// usage: peer_bench PROTOCOL PORT NAME RECORD_BYTES RECORDS IN_FLIGHT, prints one JSON line.
// PROTOCOL: redis (XADD to the stream NAME), nats (publish to a new JetStream stream NAME),
// rabbitmq or rabbitmq-quorum (persistent messages with confirms to a new durable queue NAME).
//
// Each protocol is spoken over one blocking socket: what is waiting goes out in one write and all
// acknowledgements that have come are read in one read, so that the server is measured.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "tests/bench/latencies.h"
#include "tests/bench/program.h"

namespace sluice::bench {
namespace {

struct Plan {
  std::string protocol;
  std::uint16_t port = 0;
  std::string name;
  std::size_t record_bytes = 0;
  std::size_t records = 0;
  std::size_t in_flight = 0;
};

// A blocking loopback connection with what has been received and not yet consumed. Owns the socket.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (socket_ >= 0) ::close(socket_);
  }

  Result<void> open(std::uint16_t port) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    if (socket_ < 0 || ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      return fail(Code::io, fmt::format("cannot connect: {}", std::strerror(errno)));
    }
    return {};
  }

  Result<void> send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) return fail(Code::io, fmt::format("cannot send: {}", std::strerror(errno)));
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
  }

  // Waits for more bytes of the peer.
  Result<void> receive() {
    received_.erase(0, consumed_);
    consumed_ = 0;
    const ssize_t count = ::recv(socket_, chunk_.data(), chunk_.size(), 0);
    if (count <= 0) return fail(Code::closed, fmt::format("closed by the peer: {}", received()));
    received_.append(chunk_.data(), static_cast<std::size_t>(count));
    return {};
  }

  std::string_view received() const { return std::string_view(received_).substr(consumed_); }
  void consume(std::size_t count) { consumed_ += count; }

  // The next line without its CRLF, when all of it has come.
  std::optional<std::string> next_line() {
    const std::size_t end = received().find("\r\n");
    if (end == std::string_view::npos) return std::nullopt;
    std::string line(received().substr(0, end));
    consume(end + 2);
    return line;
  }

  Result<std::string> line() {
    for (;;) {
      if (auto line = next_line()) return *line;
      TRY_VOID(receive());
    }
  }

 private:
  int socket_ = -1;
  Buffer received_;
  std::size_t consumed_ = 0;
  std::array<char, 64 * 1024> chunk_{};
};

// Which records are acknowledged, and how long each took. Records are numbered from 0.
class Acknowledgements {
 public:
  explicit Acknowledgements(std::size_t records) : sent_(records), done_(records) {
    latencies_.reserve(records);
  }

  void sent(std::size_t number, Instant now) { sent_[number] = now; }

  void land(std::size_t number, Instant now) {
    if (number >= sent_.size() || done_[number]) return;
    done_[number] = true;
    latencies_.add(now - sent_[number]);
    while (first_open_ < done_.size() && done_[first_open_]) ++first_open_;
  }

  void land_next(Instant now) { land(first_open_, now); }
  void land_through(std::size_t number, Instant now) {
    while (first_open_ <= number && first_open_ < done_.size()) land(first_open_, now);
  }

  std::size_t count() const { return latencies_.count(); }

  Latencies& latencies() { return latencies_; }

 private:
  std::vector<Instant> sent_;
  std::vector<bool> done_;
  std::size_t first_open_ = 0;
  Latencies latencies_;
};

// One server's language. Stateless but for what its connection needs.
class Protocol {
 public:
  virtual ~Protocol() = default;
  // Makes the connection ready and the stream or queue new and empty.
  virtual Result<void> prepare(Connection& connection, const std::string& name) = 0;
  virtual void append_publish(Buffer& out, std::string_view value) = 0;
  // Consumes each whole acknowledgement that has been received.
  virtual Result<void> take(Connection& connection, Acknowledgements& acks, Instant now) = 0;
};

class Redis final : public Protocol {
 public:
  Result<void> prepare(Connection& connection, const std::string& name) override {
    name_ = name;
    TRY_VOID(connection.send(fmt::format("*2\r\n$3\r\nDEL\r\n${}\r\n{}\r\n", name.size(), name)));
    TRY(reply, connection.line());
    if (!reply.starts_with(':')) return fail(Code::invalid, reply);
    return {};
  }

  void append_publish(Buffer& out, std::string_view value) override {
    fmt::format_to(std::back_inserter(out),
                   "*5\r\n$4\r\nXADD\r\n${}\r\n{}\r\n$1\r\n*\r\n$1\r\nv\r\n${}\r\n", name_.size(),
                   name_, value.size());
    out += value;
    out += "\r\n";
  }

  // Two lines each: the length of the new entry's id, the id.
  Result<void> take(Connection& connection, Acknowledgements& acks, Instant now) override {
    while (const auto line = connection.next_line()) {
      if (line->starts_with('$')) continue;
      if (line->starts_with('-')) return fail(Code::invalid, *line);
      acks.land_next(now);
    }
    return {};
  }

 private:
  std::string name_;
};

class Nats final : public Protocol {
 public:
  Result<void> prepare(Connection& connection, const std::string& name) override {
    name_ = name;
    TRY_VOID(connection.line());  // INFO
    TRY_VOID(connection.send("CONNECT {\"verbose\":false,\"pedantic\":false}\r\nSUB ack.* 1\r\n"));
    TRY_VOID(ask(connection, "DELETE", ""));
    const std::string config =
        fmt::format(R"({{"name":"{0}","subjects":["{0}"],"storage":"file","num_replicas":1,)"
                    R"("retention":"limits","discard":"old"}})",
                    name);
    TRY(answer, ask(connection, "CREATE", config));
    if (answer.find("\"error\"") != std::string::npos) return fail(Code::invalid, answer);
    return {};
  }

  void append_publish(Buffer& out, std::string_view value) override {
    fmt::format_to(std::back_inserter(out), "PUB {} ack.1 {}\r\n", name_, value.size());
    out += value;
    out += "\r\n";
  }

  // MSG <subject> <subscription> <bytes>, then {"stream":…,"seq":…}; one stream acknowledges in
  // the order of its messages.
  Result<void> take(Connection& connection, Acknowledgements& acks, Instant now) override {
    while (const auto line = connection.next_line()) {
      if (line->starts_with("MSG ")) continue;
      if (line->starts_with("PING")) {
        TRY_VOID(connection.send("PONG\r\n"));
        continue;
      }
      if (line->find("\"seq\":") == std::string::npos) return fail(Code::invalid, *line);
      acks.land_next(now);
    }
    return {};
  }

 private:
  Result<std::string> ask(Connection& connection, std::string_view verb, std::string_view body) {
    TRY_VOID(connection.send(fmt::format("PUB $JS.API.STREAM.{}.{} ack.0 {}\r\n{}\r\n", verb, name_,
                                         body.size(), body)));
    for (;;) {
      TRY(line, connection.line());
      if (line.starts_with('{')) return line;
      if (line.starts_with("-ERR")) return fail(Code::invalid, line);
    }
  }

  std::string name_;
};

// AMQP 0-9-1, https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf §2.3 and §4.2, with RabbitMQ's
// confirm.select extension.
class Amqp final : public Protocol {
 public:
  explicit Amqp(std::string queue_type) : queue_type_(std::move(queue_type)) {}

  Result<void> prepare(Connection& connection, const std::string& name) override {
    name_ = name;
    TRY_VOID(connection.send(Buffer("AMQP\0\0\x09\x01", 8)));
    TRY_VOID(expect(connection, kStart));
    TRY_VOID(
        connection.send(method(0, kStartOk,
                               number<4>(0) + short_text("PLAIN") +
                                   long_text(Buffer("\0guest\0guest", 12)) + short_text("en_US"))));
    TRY_VOID(expect(connection, kTune));
    TRY_VOID(connection.send(
        method(0, kTuneOk, number<2>(16) + number<4>(kFrameBytesMax) + number<2>(0)) +
        method(0, kOpen, short_text("/") + short_text("") + number<1>(0))));
    TRY_VOID(expect(connection, kOpenOk));
    TRY_VOID(connection.send(method(1, kChannelOpen, short_text(""))));
    TRY_VOID(expect(connection, kChannelOpenOk));
    TRY_VOID(
        connection.send(method(1, kQueueDelete, number<2>(0) + short_text(name) + number<1>(0))));
    TRY_VOID(expect(connection, kQueueDeleteOk));
    const Buffer arguments = short_text("x-queue-type") + "S" + long_text(queue_type_);
    constexpr std::uint64_t kDurable = 2;
    TRY_VOID(connection.send(
        method(1, kQueueDeclare,
               number<2>(0) + short_text(name) + number<1>(kDurable) + long_text(arguments))));
    TRY_VOID(expect(connection, kQueueDeclareOk));
    TRY_VOID(connection.send(method(1, kConfirmSelect, number<1>(0))));
    return expect(connection, kConfirmSelectOk);
  }

  void append_publish(Buffer& out, std::string_view value) override {
    constexpr std::uint64_t kDeliveryModeFlag = 0x1000;
    constexpr std::uint64_t kPersistent = 2;
    out += method(1, kPublish, number<2>(0) + short_text("") + short_text(name_) + number<1>(0));
    out += frame(2, 1,
                 number<2>(60) + number<2>(0) + number<8>(value.size()) +
                     number<2>(kDeliveryModeFlag) + number<1>(kPersistent));
    out += frame(3, 1, value);
  }

  Result<void> take(Connection& connection, Acknowledgements& acks, Instant now) override {
    while (const auto got = next_method(connection)) {
      if (got->id != kAck || got->arguments.size() < 9) {
        return fail(Code::invalid, fmt::format("method {:#x} instead of an ack", got->id));
      }
      std::uint64_t tag = 0;
      for (const char byte : got->arguments.substr(0, 8)) {
        tag = tag << 8 | static_cast<std::uint8_t>(byte);
      }
      const bool multiple = got->arguments[8] != 0;
      if (multiple) {
        acks.land_through(tag - 1, now);
      } else {
        acks.land(tag - 1, now);
      }
    }
    return {};
  }

 private:
  // Class in the upper half, method in the lower.
  enum MethodId : std::uint32_t {
    kStart = 10 << 16 | 10,
    kStartOk = 10 << 16 | 11,
    kTune = 10 << 16 | 30,
    kTuneOk = 10 << 16 | 31,
    kOpen = 10 << 16 | 40,
    kOpenOk = 10 << 16 | 41,
    kChannelOpen = 20 << 16 | 10,
    kChannelOpenOk = 20 << 16 | 11,
    kQueueDeclare = 50 << 16 | 10,
    kQueueDeclareOk = 50 << 16 | 11,
    kQueueDelete = 50 << 16 | 40,
    kQueueDeleteOk = 50 << 16 | 41,
    kPublish = 60 << 16 | 40,
    kAck = 60 << 16 | 80,
    kConfirmSelect = 85 << 16 | 10,
    kConfirmSelectOk = 85 << 16 | 11,
  };
  static constexpr std::uint64_t kFrameBytesMax = 131'072;

  struct Method {
    std::uint32_t id = 0;
    Buffer arguments;
  };

  template <int Bytes>
  static Buffer number(std::uint64_t value) {
    Buffer out(Bytes, '\0');
    for (int at = Bytes - 1; at >= 0; --at, value >>= 8) {
      out[static_cast<std::size_t>(at)] = static_cast<char>(value & 0xff);
    }
    return out;
  }
  static Buffer short_text(std::string_view text) { return number<1>(text.size()).append(text); }
  static Buffer long_text(std::string_view text) { return number<4>(text.size()).append(text); }
  static Buffer frame(std::uint64_t type, std::uint64_t channel, std::string_view payload) {
    return number<1>(type) + number<2>(channel) + long_text(payload) + '\xce';
  }
  static Buffer method(std::uint64_t channel, MethodId id, std::string_view arguments) {
    return frame(1, channel, number<4>(id).append(arguments));
  }

  // The next method, when all of its frame has come.
  static std::optional<Method> next_method(Connection& connection) {
    const std::string_view bytes = connection.received();
    if (bytes.size() < 8) return std::nullopt;
    const auto u32 = [&](std::size_t at) {
      std::uint32_t value = 0;
      for (const char byte : bytes.substr(at, 4)) {
        value = value << 8 | static_cast<std::uint8_t>(byte);
      }
      return value;
    };
    const std::size_t size = u32(3);
    if (bytes.size() < size + 8) return std::nullopt;
    Method method;
    if (size >= 4) method = {.id = u32(7), .arguments = Buffer(bytes.substr(11, size - 4))};
    connection.consume(size + 8);
    return method;
  }

  static Result<void> expect(Connection& connection, MethodId id) {
    for (;;) {
      if (const auto got = next_method(connection)) {
        if (got->id == id) return {};
        return fail(Code::invalid, fmt::format("method {:#x} instead of {:#x}: {}", got->id,
                                               static_cast<std::uint32_t>(id), got->arguments));
      }
      TRY_VOID(connection.receive());
    }
  }

  std::string queue_type_;
  std::string name_;
};

std::unique_ptr<Protocol> protocol_of(const std::string& name) {
  if (name == "redis") return std::make_unique<Redis>();
  if (name == "nats") return std::make_unique<Nats>();
  if (name == "rabbitmq") return std::make_unique<Amqp>("classic");
  if (name == "rabbitmq-quorum") return std::make_unique<Amqp>("quorum");
  return nullptr;
}

Result<void> run_plan(const Plan& plan) {
  const auto protocol = protocol_of(plan.protocol);
  const auto connection = std::make_unique<Connection>();
  TRY_VOID(connection->open(plan.port));
  TRY_VOID(protocol->prepare(*connection, plan.name));
  const SystemClock clock;
  const Buffer value(plan.record_bytes, 'v');
  Acknowledgements acks(plan.records);
  Buffer out;
  std::size_t sent = 0;
  const Instant start = clock.now();
  while (acks.count() < plan.records) {
    const Instant sent_at = clock.now();
    for (; sent < plan.records && sent - acks.count() < plan.in_flight; ++sent) {
      protocol->append_publish(out, value);
      acks.sent(sent, sent_at);
    }
    TRY_VOID(connection->send(out));
    out.clear();
    TRY_VOID(connection->receive());
    TRY_VOID(protocol->take(*connection, acks, clock.now()));
  }
  const double seconds = static_cast<double>((clock.now() - start).count()) / 1e9;
  fmt::print(
      "{{\"seconds\":{:.6f},\"records\":{},\"bytes\":{},\"p50_us\":{},\"p99_us\":{},"
      "\"p999_us\":{}}}\n",
      seconds, plan.records, plan.records * plan.record_bytes, acks.latencies().percentile(0.5),
      acks.latencies().percentile(0.99), acks.latencies().percentile(0.999));
  return {};
}

std::optional<Plan> plan_of(std::span<char*> words) {
  if (words.size() != 7) return std::nullopt;
  Plan plan{.protocol = words[1], .name = words[3]};
  if (!parse(words[2], plan.port) || !parse(words[4], plan.record_bytes) ||
      !parse(words[5], plan.records) || !parse(words[6], plan.in_flight) || plan.in_flight == 0 ||
      !protocol_of(plan.protocol)) {
    return std::nullopt;
  }
  return plan;
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  return sluice::bench::run<sluice::bench::Plan>(
      {argv, static_cast<std::size_t>(argc)},
      "peer_bench redis|nats|rabbitmq|rabbitmq-quorum PORT NAME RECORD_BYTES RECORDS IN_FLIGHT",
      sluice::bench::plan_of, sluice::bench::run_plan);
}
