#pragma once
// Server: an HTTP server on one Loop: a listener, the Service behind it and the ticks that the
// Service needs. On the loop thread.

#include <memory>
#include <vector>

#include "shared/async/task.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/http/service.h"
#include "shared/net/host_port.h"
#include "shared/net/loop.h"
#include "shared/net/tcp.h"
#include "shared/net/timer.h"

namespace sluice::http {

class Server {
 public:
  // REQUIRES: loop and clock outlive it. The handler is usually a Router:
  //   [&router](Request& request) { return router.route(request); }
  Server(net::Loop& loop, const Clock& clock, Limits limits, Handler handler);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  // REQUIRES: stop() has finished, if listen() succeeded.
  ~Server() = default;

  // May be called for several addresses.
  Result<void> listen(const net::HostPort& at, net::TcpListener::Options options = {});

  // The real address of the first listener. REQUIRES: listen() succeeded.
  const net::HostPort& bound() const { return listeners_.front()->bound(); }

  // Stops accepting, then as Service::stop().
  Task<void> stop(Instant deadline);

  const Service& service() const { return service_; }

 private:
  void arm();

  net::Loop& loop_;
  const Clock& clock_;
  Service service_;
  net::Timer tick_;
  std::vector<std::unique_ptr<net::TcpListener>> listeners_;
};

}  // namespace sluice::http
