#include "tests/unit/frontend/shop.h"

#include <charconv>

#include <fmt/format.h>

#include "shared/http/request.h"
#include "shared/ledger/codec.h"
#include "shared/ledger/topic.h"
#include "tests/unit/client/deliveries.h"

namespace sluice::frontend {

using client::eventually;

std::string Reply::header(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    const auto end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    const auto colon = line.find(": ");
    if (colon != std::string_view::npos && http::equal_ignoring_case(line.substr(0, colon), name)) {
      return std::string(line.substr(colon + 2));
    }
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 2);
  }
  return {};
}

ledger::Sale mug() {
  return {.sale = "mug",
          .title = "A mug",
          .stock = 10,
          .unit_price = 9900,
          .currency = "CNY",
          .per_user_limit = 2,
          .payment_window_ms = 900'000};
}

Shop::Shop(client::MockCluster& cluster, Options options)
    : in_flight(options.answer_within),
      changes(options.answer_within, stock),
      identity(options.jwt ? UserIdentity(std::move(*options.jwt), options.jwt_cookie)
                           : UserIdentity()),
      lists(options.user_lists),
      login_url(options.login_url),
      metrics(registry),
      token_(options.admin_token),
      admission_(options.rates, 1),
      addresses_({*net::parse_network("10.0.0.0/8")}, ClientAddress::Header::x_forwarded_for) {
  REQUIRE(lists.reload());
  auto producer = client::Producer::open(cluster.settings(), options.producer);
  REQUIRE(producer);
  auto opened = snapshots::FoldSnapshots::open(options.snapshots);
  REQUIRE(opened);
  snapshots = std::move(*opened);
  log = std::make_unique<OrderLog>(std::move(*producer), fmt::format("writer-{}", fmt::ptr(this)));
  reader = std::make_unique<LedgerReader>(
      LedgerReader::Options{cluster.settings(), options.sales, kShopPartitions}, clock, *log, stock,
      in_flight, changes, board, *snapshots, [this](Error error) {
        const std::lock_guard lock(ended_mutex_);
        ended_ = std::move(error);
      });
  rooms = std::make_unique<WaitingRooms>(
      cluster.settings(), clock, stock,
      [this](std::string_view sale) { return reader->find_sale(sale); });
  const Api api{loop_,     clock,    stock,      in_flight,  *log,     *reader,
                board,     identity, tokens,     lists,      payments, payment_url,
                login_url, ticker_,  admission_, addresses_, *rooms,   metrics};
  add_shop(router_, api);
  add_administration(admin_router_,
                     {.healthy = []() -> Result<void> { return {}; },
                      .ready = []() -> Result<void> { return {}; },
                      .metrics = [this] { return registry.prometheus(); }},
                     {loop_, clock, *log, *reader, changes, token_, lists});
  admin_ = std::make_unique<http::Service>(clock, http::Limits{}, [this](http::Request& request) {
    return admin_router_.route(request);
  });
  service_ = std::make_unique<http::Service>(
      clock, http::Limits{}, [this](http::Request& request) { return router_.route(request); });
}

Shop::~Shop() {
  for (auto& client : clients_) client->close();
  in_flight.expire(Instant::never());  // a test that failed half-way leaves waiting requests
  changes.expire(Instant::never());
  board.stop();
  eventually([&] {
    loop_.run();
    return service_->connections() == 0 && admin_->connections() == 0;
  });
  rooms.reset();
  reader.reset();
  log.reset();
}

void Shop::start_and_wait() {
  start();
  const bool started = eventually([&] { return reader->ready() && log->reachable(); });
  REQUIRE_MESSAGE(started, reader->progress());
}

MemoryStream& Shop::send(std::string_view method, std::string_view target, std::string_view headers,
                         std::string_view body) {
  return send_to(*service_, method, target, headers, body);
}

MemoryStream& Shop::send_admin(std::string_view method, std::string_view target,
                               std::string_view headers, std::string_view body) {
  return send_to(*admin_, method, target, headers, body);
}

MemoryStream& Shop::send_to(http::Service& service, std::string_view method,
                            std::string_view target, std::string_view headers,
                            std::string_view body) {
  auto [ours, theirs] = MemoryStream::pair();
  theirs->name_peer(peer);
  service.serve(std::move(theirs));
  ours->feed(fmt::format("{} {} HTTP/1.1\r\nHost: shop\r\n{}Content-Length: {}\r\n\r\n{}", method,
                         target, headers, body.size(), body));
  return *clients_.emplace_back(std::move(ours));
}

// An answer is short: it is there as a whole or not at all.
std::optional<Reply> Shop::receive(MemoryStream& client) {
  loop_.run();
  const std::string bytes = client.drain();
  const auto blank = bytes.find("\r\n\r\n");
  if (blank == std::string::npos) return std::nullopt;
  Reply reply{.head = bytes.substr(0, blank), .body = bytes.substr(blank + 4)};
  std::from_chars(bytes.data() + 9, bytes.data() + 12, reply.status);
  return reply;
}

Reply Shop::await(MemoryStream& client) {
  std::optional<Reply> reply;
  REQUIRE(eventually([&] { return (reply = receive(client)).has_value(); }));
  return *reply;
}

Reply Shop::ask(std::string_view method, std::string_view target, std::string_view headers,
                std::string_view body) {
  return await(send(method, target, headers, body));
}

Reply Shop::order(std::string_view user, std::string_view headers, std::string_view body) {
  return ask("POST", "/v1/sales/mug/orders", fmt::format("X-User-Id: {}\r\n{}", user, headers),
             body);
}

Reply Shop::ask_admin(std::string_view method, std::string_view target, std::string_view headers,
                      std::string_view body) {
  return await(send_admin(method, target, headers, body));
}

Reply Shop::admin(std::string_view method, std::string_view target, std::string_view headers,
                  std::string_view body) {
  return ask_admin(method, target,
                   fmt::format("Authorization: Bearer {}\r\n{}", kShopToken, headers), body);
}

void Shop::turn() {
  net::Timer end(loop_, clock);
  end.arm(clock.now() + Millis(10), [this] { loop_.stop(); });
  loop_.run();
}

std::optional<Error> Shop::ended() const {
  const std::lock_guard lock(ended_mutex_);
  return ended_;
}

Stranger::Stranger(client::MockCluster& cluster) {
  auto producer = client::Producer::open(cluster.settings());
  REQUIRE(producer);
  producer_ = std::move(*producer);
}

void Stranger::write(std::optional<std::string> value, std::int32_t partition) {
  client::Deliveries deliveries;
  client::ProduceRecord record;
  record.topic = ledger::kOrdersTopic;
  record.partition = partition;
  record.value = std::move(value);
  REQUIRE(producer_->send(std::move(record), deliveries.done()));
  const auto all = deliveries.wait_for(1);
  REQUIRE(all.size() == 1);
  REQUIRE(all[0].outcome == client::Outcome::persisted);
}

void Stranger::write(const ledger::Event& event) {
  write(event, home_of(ledger::sale_of(event)));
}

void Stranger::write(const ledger::Event& event, std::int32_t partition) {
  write(ledger::encode(event), partition);
}

std::int32_t home_of(std::string_view sale) {
  return ledger::partition_of(sale, kShopPartitions);
}

ledger::Reserve reserve_of(std::string_view user, std::string_view key, std::int64_t epoch,
                           std::int64_t quantity) {
  return {.order = ledger::order_id("mug", user, key),
          .sale = "mug",
          .user = std::string(user),
          .quantity = quantity,
          .unit_price = 9900,
          .currency = "CNY",
          .key = std::string(key),
          .reserved_at = 1'700'000'000'000,
          .epoch = epoch};
}

std::string order_of(std::string_view user, std::string_view key) {
  return ledger::order_id("mug", user, key);
}

}  // namespace sluice::frontend
