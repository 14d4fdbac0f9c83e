#include "frontend/server.h"

#include <future>
#include <utility>

#include "frontend/handlers/listeners.h"
#include "shared/async/gate.h"
#include "shared/http/router.h"
#include "shared/http/server.h"
#include "shared/net/loop.h"
#include "shared/net/timer.h"

namespace sluice::frontend {

// One loop with its thread. Set up by the constructing thread; from serve() on all happens on its
// own.
class Server::Loop {
 public:
  Loop(const Shared& shared, http::Limits limits)
      : clock_(shared.clock),
        ticker_(loop_, shared.clock),
        http_(loop_, shared.clock, limits,
              [this](http::Request& request) { return router_.route(request); }),
        patience_(loop_, shared.clock),
        in_flight_(shared.in_flight),
        board_(shared.board) {
    const Api api{loop_,
                  shared.clock,
                  shared.stock,
                  shared.in_flight,
                  shared.log,
                  shared.ledger,
                  shared.board,
                  shared.identity,
                  shared.tokens,
                  shared.lists,
                  shared.payments,
                  shared.payment_url,
                  shared.login_url,
                  ticker_,
                  shared.admission,
                  shared.addresses,
                  shared.rooms,
                  shared.metrics};
    add_shop(router_, api);
  }

  Result<net::HostPort> listen(const net::HostPort& at) {
    TRY_VOID(http_.listen(at, {.reuse_port = true}));
    return http_.bound();
  }

  void serve() {
    thread_ = std::jthread([this] { loop_.run(); });
  }

  void begin_stop(Millis grace) {
    loop_.post([this, grace] { gate_.spawn(stop(grace)); });
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  Task<void> stop(Millis grace) {
    board_.stop();  // whoever waits for news asks again elsewhere
    // Whoever still waits for the log then is told "pending" in time.
    patience_.arm(clock_.now() + grace * 4 / 5, [this] { in_flight_.stop_waiting(); });
    co_await http_.stop(clock_.now() + grace);
    patience_.disarm();
    loop_.stop();
  }

  const Clock& clock_;
  net::Loop loop_;
  http::Router router_;
  StockTicker ticker_;
  http::Server http_;
  net::Timer patience_;
  InFlight& in_flight_;
  OrderBoard& board_;
  Gate gate_;
  std::jthread thread_;
};

Server::Server(Shared shared, http::Limits limits, std::size_t loops) {
  for (std::size_t i = 0; i < loops; ++i) {
    loops_.push_back(std::make_unique<Loop>(shared, limits));
  }
}

Server::~Server() = default;

Result<net::HostPort> Server::listen(const net::HostPort& at) {
  net::HostPort bound = at;
  for (auto& loop : loops_) {
    TRY(real, loop->listen(bound));
    bound = real;  // port 0 is the same free one for all
  }
  for (auto& loop : loops_) loop->serve();
  return bound;
}

void Server::stop(Millis grace) {
  for (auto& loop : loops_) loop->begin_stop(grace);
  for (auto& loop : loops_) loop->join();
}

}  // namespace sluice::frontend
