#pragma once
// Server: N HTTP loops on one port (SO_REUSEPORT), each a thread with its own router. The stock and
// the order log are shared by all.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "frontend/handlers/api.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/http/http_limits.h"
#include "shared/net/host_port.h"

namespace sluice::frontend {

// What every loop's handlers share; outlives the server.
struct Shared {
  const Clock& clock;
  StockBook& stock;
  InFlight& in_flight;
  OrderLog& log;
  const LedgerReader& ledger;
  OrderBoard& board;
  const UserIdentity& identity;
  const PurchaseTokens& tokens;
  const CurrentUserLists& lists;
  const PaymentSignature& payments;
  const std::string& payment_url;  // empty: pages have no button to pay
  const std::string& login_url;    // empty: pages have no link to log in
  Admission& admission;
  const ClientAddress& addresses;
  WaitingRooms& rooms;
  ApiMetrics& metrics;
};

class Server {
 public:
  Server(Shared shared, http::Limits limits, std::size_t loops);
  // REQUIRES: stop() was called if listen() was.
  ~Server();

  // Binds all loops to one address and begins to serve. Yields the real address.
  Result<net::HostPort> listen(const net::HostPort& at);

  // Finishes what is in flight, cuts off what is left after `grace`. Blocks; not on a loop thread.
  void stop(Millis grace);

 private:
  class Loop;

  std::vector<std::unique_ptr<Loop>> loops_;
};

}  // namespace sluice::frontend
