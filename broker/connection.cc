#include "broker/connection.h"

#include <algorithm>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "shared/log/log.h"

namespace sluice::broker {
namespace {

constexpr std::size_t kReadBytes = 64 << 10;

// "127.0.0.1:53211" -> "127.0.0.1": what group descriptions show.
std::string host_of(std::string_view peer) {
  return std::string(peer.substr(0, peer.rfind(':')));
}

}  // namespace

Connection::Connection(Broker& broker, std::unique_ptr<Stream> stream, ConnectionLimits limits)
    : broker_(broker),
      stream_(std::move(stream)),
      limits_(limits),
      client_host_(host_of(stream_->peer())),
      replies_(limits.in_flight_max),
      last_active_(broker.clock().now()) {}

Task<void> Connection::serve() {
  Task<void> writer = write_replies();
  for (;;) {
    Result<Buffer> frame = co_await read_frame();
    if (!frame) {
      if (frame.error().code != Code::closed) {
        log::warning("connection closed peer={} reason={}", stream_->peer(),
                     log::quoted(frame.error().context));
      }
      break;
    }
    if (finishing_) break;
    last_active_ = broker_.clock().now();
    co_await broker_.committer().room();
    ++in_flight_;
    if (!co_await replies_.push(dispatch(broker_, client_host_, std::move(*frame)))) break;
  }
  replies_.close();
  co_await writer;
  stream_->close();
}

Task<void> Connection::write_replies() {
  bool broken = false;
  while (auto running = co_await replies_.pop()) {
    // Awaited even when the peer is gone: a request that was accepted runs to its end.
    const Reply reply = co_await *running;
    --in_flight_;
    if (broken) continue;
    if (!reply.frame.empty()) {
      const auto parts = reply.frame.parts();
      const auto written = co_await stream_->write(parts);
      broken = !written;
    }
    if (!reply.close_reason.empty()) {
      log::warning("connection closed peer={} reason={}", stream_->peer(),
                   log::quoted(reply.close_reason));
      broken = true;
    }
    if (broken || (finishing_ && in_flight_ == 0)) stream_->close();
  }
}

void Connection::finish() {
  finishing_ = true;
  if (in_flight_ == 0) stream_->close();
}

Task<Result<Buffer>> Connection::read_frame() {
  CO_TRY_VOID(co_await fill(4));
  const auto length = load_be<std::int32_t>(input_.data() + read_at_);
  if (length < 0 || length > limits_.frame_bytes_max) {
    co_return fail(Code::too_large, fmt::format("frame of {} bytes, max_frame_bytes is {}", length,
                                                limits_.frame_bytes_max));
  }
  const auto size = static_cast<std::size_t>(length);
  CO_TRY_VOID(co_await fill(4 + size));
  Buffer frame = input_.substr(read_at_ + 4, size);
  read_at_ += 4 + size;
  co_return frame;
}

Task<Result<void>> Connection::fill(std::size_t count) {
  while (input_.size() - read_at_ < count) {
    if (read_at_ > 0) {
      input_.erase(0, read_at_);
      read_at_ = 0;
    }
    // Grows with what has arrived, not with what the length field claims.
    const std::size_t filled = input_.size();
    input_.resize_and_overwrite(filled + std::max(kReadBytes, filled),
                                [](char*, std::size_t size) { return size; });
    const auto got = co_await stream_->read(std::span(input_).subspan(filled));
    input_.resize(filled + (got ? *got : 0));
    if (!got) co_return std::unexpected(got.error());
    if (*got == 0) {
      if (input_.empty()) co_return fail(Code::closed, "the peer closed the connection");
      co_return fail(Code::corrupt, fmt::format("the peer closed within a request, {} bytes short",
                                                count - input_.size()));
    }
  }
  co_return Result<void>{};
}

}  // namespace sluice::broker
