#include "tests/sim/kafka_client.h"

#include <array>
#include <span>

namespace sluice::sim {

Task<Result<Buffer>> KafkaClient::exchange(std::int32_t correlation, Buffer frame, Millis timeout) {
  if (!connected()) {
    auto stream = host_.connect();
    if (!stream) co_return fail(Code::unavailable, "nobody listens");
    connection_ = std::make_shared<Connection>();
    connection_->stream = std::move(stream);
    gate_.spawn(read_replies(connection_));
  }
  const auto connection = connection_;
  OneShot<Result<Buffer>> reply;
  connection->waiting.emplace(correlation, &reply);
  loop_.after(timeout, [weak = std::weak_ptr(connection), correlation] {
    const auto late = weak.lock();
    if (!late || !late->waiting.contains(correlation)) return;
    close(*late);
  });
  const ByteView parts[] = {frame};
  // The reader notices when it cannot be written.
  (void)co_await connection->stream->write(parts);
  co_return co_await reply;
}

Task<void> KafkaClient::read_replies(std::shared_ptr<Connection> connection) {
  Buffer input;
  std::array<char, 4096> piece;
  for (;;) {
    const auto got = co_await connection->stream->read(piece);
    if (!got || *got == 0) break;
    input.append(piece.data(), *got);
    while (input.size() >= 8) {
      const auto size = static_cast<std::size_t>(load_be<std::int32_t>(input.data()));
      if (input.size() < 4 + size) break;
      Buffer frame = input.substr(4, size);
      input.erase(0, 4 + size);
      const auto waiting = connection->waiting.extract(load_be<std::int32_t>(frame.data()));
      if (!waiting.empty()) waiting.mapped()->set(std::move(frame));
    }
  }
  close(*connection);
}

void KafkaClient::close() {
  if (connection_) close(*connection_);
}

void KafkaClient::close(Connection& connection) {
  connection.closed = true;
  connection.stream->close();
  for (auto& [correlation, reply] : std::exchange(connection.waiting, {})) {
    reply->set(sluice::fail(Code::closed, "the connection was lost"));
  }
}

}  // namespace sluice::sim
