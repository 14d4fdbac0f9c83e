#pragma once
// Server: the Kafka listener and its connections. Lives on the loop thread.

#include <cstddef>
#include <list>
#include <memory>

#include "broker/broker.h"
#include "broker/connection.h"
#include "shared/async/gate.h"
#include "shared/net/loop.h"
#include "shared/net/tcp.h"
#include "shared/net/timer.h"

namespace sluice::broker {

struct ServerLimits {
  // Each costs a descriptor and some kilobytes; one more is closed at once.
  std::size_t connections_max = 10'000;
  // A connection without a request for this long is closed (Kafka's connections.max.idle.ms).
  Millis idle_timeout{600'000};
  ConnectionLimits connection;
};

class Server {
 public:
  Server(net::Loop& loop, Broker& broker, ServerLimits limits);
  // REQUIRES: stop() has finished.
  ~Server();

  // Binds and begins to accept. Yields the real address.
  Result<net::HostPort> listen(const net::HostPort& at);

  // Stops accepting, answers what is in flight, closes. What is not answered by `grace` is cut off.
  Task<void> stop(Millis grace);

  std::size_t connections() const { return connections_.size(); }

 private:
  void accept(std::unique_ptr<net::TcpStream> stream);
  Task<void> serve(std::list<Connection>::iterator connection);
  void sweep_idle();

  net::Loop& loop_;
  Broker& broker_;
  ServerLimits limits_;
  std::unique_ptr<net::TcpListener> listener_;
  std::list<Connection> connections_;
  net::Timer idle_timer_;
  Gate gate_;
};

}  // namespace sluice::broker
