#include "broker/server.h"

#include <utility>

#include "shared/log/log.h"

namespace sluice::broker {
namespace {

// How exact the idle timeout is.
constexpr Millis kSweepEvery{10'000};

}  // namespace

Server::Server(net::Loop& loop, Broker& broker, ServerLimits limits)
    : loop_(loop), broker_(broker), limits_(limits), idle_timer_(loop, broker.clock()) {}

Server::~Server() = default;

Result<net::HostPort> Server::listen(const net::HostPort& at) {
  TRY(listener,
      net::TcpListener::listen(loop_, at, {}, [this](std::unique_ptr<net::TcpStream> stream) {
        accept(std::move(stream));
      }));
  listener_ = std::move(listener);
  sweep_idle();
  return listener_->bound();
}

void Server::accept(std::unique_ptr<net::TcpStream> stream) {
  if (connections_.size() >= limits_.connections_max) {
    log::warning("connection refused peer={} connections_max={}", stream->peer(),
                 limits_.connections_max);
    return;
  }
  connections_.emplace_front(broker_, std::move(stream), limits_.connection);
  gate_.spawn(serve(connections_.begin()));
}

Task<void> Server::serve(std::list<Connection>::iterator connection) {
  co_await connection->serve();
  connections_.erase(connection);
}

void Server::sweep_idle() {
  const Instant now = broker_.clock().now();
  for (auto& connection : connections_) {
    if (connection.idle() && now - connection.last_active() >= limits_.idle_timeout) {
      connection.finish();
    }
  }
  idle_timer_.arm(now + kSweepEvery, [this] { sweep_idle(); });
}

Task<void> Server::stop(Millis grace) {
  idle_timer_.disarm();
  if (listener_) listener_->close();
  for (auto& connection : connections_) connection.finish();
  net::Timer cut_off(loop_, broker_.clock());
  cut_off.arm(broker_.clock().now() + grace, [this] {
    for (auto& connection : connections_) connection.abort();
  });
  co_await gate_.close();
}

}  // namespace sluice::broker
