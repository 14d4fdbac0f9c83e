#include "worker/webhook_sender.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/async/gate.h"
#include "shared/base/base64.h"
#include "shared/http/server.h"
#include "shared/log/log.h"
#include "tests/support/temp_dir.h"
#include "worker/order_store_soci.h"

using namespace sluice;
using namespace sluice::worker;

namespace {

const std::string kTopic = "seckill.orders";

// The shop's own system: an HTTP server on a thread. Of all it is sent it refuses some.
class ShopSystem {
 public:
  ShopSystem()
      : server_(loop_, clock_, {}, [this](http::Request& request) { return take(request); }) {
    REQUIRE(server_.listen(*net::parse_host_port("127.0.0.1:0")));
    thread_ = std::jthread([this] { loop_.run(); });
  }
  ~ShopSystem() {
    loop_.post([this] { gate_.spawn(stop()); });
  }

  std::string url() const { return fmt::format("http://{}/", server_.bound().text()); }

  // Waits until it has taken so many different deliveries, or a minute.
  bool has_taken(std::size_t count) {
    std::unique_lock lock(mutex_);
    return came_.wait_for(lock, std::chrono::minutes(1), [&] { return taken_.size() >= count; });
  }
  std::vector<std::string> taken() {
    const std::lock_guard lock(mutex_);
    return taken_;
  }

 private:
  http::Answer take(const http::Request& request) {
    const std::string id(request.header("webhook-id").value_or(""));
    const std::lock_guard lock(mutex_);
    requests_ += 1;
    if (requests_ % 4 == 0) return http::Response(503);
    if (std::ranges::find(taken_, id) == taken_.end()) taken_.push_back(id);
    came_.notify_all();
    return http::Response(204);
  }
  Task<void> stop() {
    co_await server_.stop(clock_.now());
    loop_.stop();
  }

  SystemClock clock_;
  net::Loop loop_;
  http::Server server_;
  Gate gate_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::string> taken_;  // each once; guarded by mutex_, as is the next
  int requests_ = 0;
  std::jthread thread_;
};

// A database with deliveries, and senders of them.
struct Deliveries {
  tests::TempDir dir;
  SystemClock clock;
  metrics::Registry registry;
  WebhookMetrics metrics{registry};
  Options options;
  std::unique_ptr<SociOrderStore> store;

  explicit Deliveries(const std::string& url) {
    log::start("unit-worker", log::Level::error);
    std::ofstream(dir.path() + "/secret") << "whsec_" + base64(std::string(32, 's'));
    options.database = "sqlite:" + dir.path() + "/orders.db";
    options.webhook_url = url;
    options.webhook_secret_files = {dir.path() + "/secret"};
    options.webhook_retry_max_delay = Millis(10);
    auto opened = SociOrderStore::open(options.database, kTopic);
    REQUIRE(opened.has_value());
    store = std::move(*opened);
  }

  void add(std::int32_t partition, int orders, const std::vector<std::string>& facts) {
    const auto claim = store->claim(partition);
    REQUIRE(claim.has_value());
    PartitionWork work{.partition = partition, .claim = *claim};
    std::int64_t offset = 0;
    for (const std::string& fact : facts) {
      for (int i = 0; i < orders; ++i) {
        const std::string order = fmt::format("{}x{}", partition, i);
        work.deliveries.push_back({.id = order + "-" + fact,
                                   .order_id = order,
                                   .type = "order." + fact,
                                   .body = "{}",
                                   .log_partition = partition,
                                   .log_offset = offset++,
                                   .created_at = 1});
      }
    }
    work.next_offset = offset;
    REQUIRE(store->commit(std::span(&work, 1)));
  }

  std::unique_ptr<WebhookSender> open() {
    auto sender = WebhookSender::open(options, clock, metrics);
    REQUIRE_MESSAGE(sender.has_value(), (sender ? "" : sender.error().context));
    return std::move(*sender);
  }

  orders::DeliveryCounts left() {
    const std::vector<std::int32_t> both{0, 1};
    return *(*orders::DeliveryStore::open(options.database))->counts(kTopic, both);
  }
};

}  // namespace

TEST_CASE("partitions change hands while deliveries are under way: all arrive, in order") {
  ShopSystem shop;
  Deliveries deliveries(shop.url());
  constexpr int kOrders = 40;
  const std::vector<std::string> facts{"placed", "cancelled", "refund_due"};
  for (const std::int32_t partition : {0, 1}) deliveries.add(partition, kOrders, facts);
  const auto one = deliveries.open();
  const auto other = deliveries.open();
  const std::size_t all = 2 * kOrders * facts.size();
  {
    std::jthread first([&] { one->run(); });
    std::jthread second([&] { other->run(); });
    for (std::size_t i = 0; i < 20; ++i) {
      const std::int32_t mine = i % 2 == 0 ? 0 : 1;
      one->own({mine});
      other->own({1 - mine});
      one->set_concurrency(static_cast<std::int64_t>(1 + i % 8));
      other->wake();
      CHECK(one->status().in_flight >= 0);
      CHECK(shop.has_taken((i + 1) * all / 20));
    }
    one->stop();
    other->stop();
  }
  CHECK(deliveries.left() == orders::DeliveryCounts{});
  std::map<std::string, std::vector<std::string>> by_order;
  for (const std::string& id : shop.taken()) {
    by_order[id.substr(0, id.find('-'))].push_back(id.substr(id.find('-') + 1));
  }
  CHECK(by_order.size() == 2 * kOrders);
  for (const auto& [order, told] : by_order) {
    CAPTURE(order);
    CHECK(told == facts);
  }
}

TEST_CASE("a shop that answers nothing holds up no stop, and its deliveries stay") {
  const int silent = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* plain = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::bind(silent, plain, size) == 0);
  REQUIRE(::listen(silent, 16) == 0);
  REQUIRE(::getsockname(silent, plain, &size) == 0);
  Deliveries deliveries(fmt::format("http://127.0.0.1:{}/", ntohs(address.sin_port)));
  deliveries.add(0, 3, {"placed"});
  const auto sender = deliveries.open();
  std::jthread thread([&] { sender->run(); });
  sender->own({0});
  const int accepted = ::accept(silent, nullptr, nullptr);  // a request is under way
  REQUIRE(accepted >= 0);
  const Instant began = deliveries.clock.now();
  sender->stop();
  thread.join();
  CHECK(deliveries.clock.now() - began < deliveries.options.webhook_timeout);
  CHECK(deliveries.left().pending == 3);
  ::close(accepted);
  ::close(silent);
}
