#pragma once
// Shop: a frontend without its sockets and its process: the HTTP API over streams in memory, the
// ledger's reader on its thread, and librdkafka's mock cluster as the log. Whoever else can write
// to the log is played by write().

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "frontend/handlers/listeners.h"
#include "shared/http/service.h"
#include "tests/support/memory_stream.h"
#include "tests/unit/client/mock_cluster.h"

namespace sluice::frontend {

// The real passing of time, and a wall clock that a test sets. Thread-safe.
class ShopClock final : public Clock {
 public:
  Instant now() const override { return system_.now(); }
  WallTime wall() const override { return {wall_.load()}; }
  void set_wall(std::int64_t unix_millis) { wall_ = unix_millis; }

 private:
  SystemClock system_;
  std::atomic<std::int64_t> wall_{1'700'000'000'000};  // 2023-11-14T22:13:20Z
};

struct Reply {
  int status = 0;
  std::string head;
  std::string body;

  std::string header(std::string_view name) const;
  bool says(std::string_view text) const { return body.find(text) != std::string::npos; }
};

inline constexpr std::int32_t kShopPartitions = 4;
inline constexpr const char* kShopSecret = "the provider's secret";
inline constexpr const char* kShopToken = "0123456789abcdef-token";

// 10 units of "mug", 2 a user, 15 minutes to pay.
ledger::Sale mug();

// One frontend process on a log that others may share.
class Shop {
 public:
  struct Options {
    Millis answer_within{20'000};
    client::ProducerOptions producer;
    std::vector<ledger::Sale> sales{mug()};
    std::string admin_token = kShopToken;
    std::string user_lists;
    std::optional<JwtRules> jwt;  // none: auth is none
    std::string jwt_cookie;
    std::string login_url;
    Admission::Rates rates;
    snapshots::Options snapshots;  // none are kept
  };

  Shop(client::MockCluster& cluster, Options options);
  explicit Shop(client::MockCluster& cluster) : Shop(cluster, Options()) {}
  ~Shop();

  void start() {
    reader->start();
    rooms->start();
  }
  void start_and_wait();  // until it is ready

  // A request and its whole answer. `headers`: lines with their ends.
  Reply ask(std::string_view method, std::string_view target, std::string_view headers = {},
            std::string_view body = {});
  // An order; `headers` beside X-User-Id.
  Reply order(std::string_view user, std::string_view headers = {}, std::string_view body = {});

  // A request to the admin API, with the token.
  Reply admin(std::string_view method, std::string_view target, std::string_view headers = {},
              std::string_view body = {});
  // The same without.
  Reply ask_admin(std::string_view method, std::string_view target, std::string_view headers = {},
                  std::string_view body = {});

  // The same in two steps.
  MemoryStream& send_admin(std::string_view method, std::string_view target,
                           std::string_view headers, std::string_view body);
  MemoryStream& send(std::string_view method, std::string_view target, std::string_view headers,
                     std::string_view body);
  std::optional<Reply> receive(MemoryStream& client);  // nothing yet: empty
  Reply await(MemoryStream& client);

  // The loop runs for some milliseconds; for when timers are armed, which would keep it running.
  void turn();

  // The handler's answer alone. On the loop's thread, which is the test's.
  http::Answer route(http::Request& request) { return router_.route(request); }

  // What the two listeners serve, as Router::routes() has it.
  std::vector<std::string> routes() const { return router_.routes(); }
  std::vector<std::string> admin_routes() const { return admin_router_.routes(); }

  SaleStock& sale(std::string_view id = "mug") { return *stock.find(id); }
  std::int64_t available(std::string_view id = "mug") { return sale(id).available(); }
  // How the reader ended by itself.
  std::optional<Error> ended() const;

  ShopClock clock;
  StockBook stock;
  InFlight in_flight;
  SaleChanges changes;
  OrderBoard board;
  const UserIdentity identity;
  const PurchaseTokens tokens{std::string(32, 's'), Millis(60'000)};
  CurrentUserLists lists;
  const PaymentSignature payments{kShopSecret};
  const std::string login_url;
  const std::string payment_url = "https://pay.example/?order={order}&sum={amount}";
  std::unique_ptr<WaitingRooms> rooms;  // started with the reader
  // Of requests to come: "127.0.0.1:50000".
  std::string peer = "memory";
  metrics::Registry registry;
  ApiMetrics metrics;
  std::unique_ptr<OrderLog> log;
  std::unique_ptr<snapshots::FoldSnapshots> snapshots;
  std::unique_ptr<LedgerReader> reader;

 private:
  mutable std::mutex ended_mutex_;
  std::optional<Error> ended_;  // guarded by ended_mutex_
  MemoryStream& send_to(http::Service& service, std::string_view method, std::string_view target,
                        std::string_view headers, std::string_view body);

  const AdminToken token_;
  Admission admission_;
  // 10.0.0.0/8 is ours.
  const ClientAddress addresses_;
  net::Loop loop_;
  StockTicker ticker_{loop_, clock};
  http::Router router_;
  http::Router admin_router_;
  std::unique_ptr<http::Service> service_;
  std::unique_ptr<http::Service> admin_;
  std::vector<std::unique_ptr<MemoryStream>> clients_;
};

// Another program that writes to the log.
class Stranger {
 public:
  explicit Stranger(client::MockCluster& cluster);
  void write(std::optional<std::string> value, std::int32_t partition);
  void write(const ledger::Event& event);  // where its sale lives
  void write(const ledger::Event& event, std::int32_t partition);

 private:
  std::unique_ptr<client::Producer> producer_;
};

std::int32_t home_of(std::string_view sale);
ledger::Reserve reserve_of(std::string_view user, std::string_view key, std::int64_t epoch,
                           std::int64_t quantity = 1);
std::string order_of(std::string_view user, std::string_view key = "slot:0");

}  // namespace sluice::frontend
