#include "shared/http/server.h"

#include <utility>

namespace sluice::http {

namespace {

constexpr Millis kTick{500};

}  // namespace

Server::Server(net::Loop& loop, const Clock& clock, Limits limits, Handler handler)
    : loop_(loop), clock_(clock), service_(clock, limits, std::move(handler)), tick_(loop, clock) {}

Result<void> Server::listen(const net::HostPort& at, net::TcpListener::Options options) {
  auto on_accept = [this](std::unique_ptr<net::TcpStream> stream) {
    service_.serve(std::move(stream));
  };
  TRY(listener, net::TcpListener::listen(loop_, at, options, std::move(on_accept)));
  listeners_.push_back(std::move(listener));
  if (!tick_.armed()) arm();
  return {};
}

void Server::arm() {
  tick_.arm(clock_.now() + kTick, [this] {
    service_.tick();
    arm();
  });
}

Task<void> Server::stop(Instant deadline) {
  for (auto& listener : listeners_) listener->close();
  co_await service_.stop(deadline);
  tick_.disarm();
}

}  // namespace sluice::http
