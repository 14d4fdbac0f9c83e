#include "worker/worker.h"

#include <doctest/doctest.h>
#include <soci/soci.h>

#include <atomic>
#include <future>
#include <thread>

#include "shared/ledger/codec.h"
#include "shared/ledger/sale_state_json.h"
#include "shared/log/log.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/client/mock_cluster.h"
#include "worker/order_store_soci.h"

using namespace sluice;
using namespace sluice::worker;
using ledger::OrderState;

namespace {

const std::string kTopic = "seckill.orders";
constexpr Millis kPatience{60'000};  // a test that fails, not one that is slow

std::string id_of(int user) {
  return ledger::order_id("phone", "user-" + std::to_string(user), "slot:0");
}

ledger::Event reserve(int user) {
  return ledger::Reserve{.order = id_of(user),
                         .sale = "phone",
                         .user = "user-" + std::to_string(user),
                         .quantity = 1,
                         .unit_price = 500,
                         .currency = "CNY",
                         .reserved_at = 1,
                         .epoch = 1};
}

// Fails as told, then works as the real one.
class FlakyStore final : public OrderStore {
 public:
  explicit FlakyStore(OrderStore& store) : store_(store) {}

  Result<Claim> claim(std::int32_t partition) override {
    if (unclaimable.load() > 0) {
      --unclaimable;
      return fail(Code::unavailable, "the connection was lost");
    }
    return store_.claim(partition);
  }
  Result<std::optional<StoredFold>> fold(std::int32_t partition) override {
    return store_.fold(partition);
  }
  Result<std::vector<OrderRow>> find(std::span<const std::string> ids) override {
    if (blind.load() > 0) {
      --blind;
      return fail(Code::unavailable, "too many connections");
    }
    return store_.find(ids);
  }
  Result<std::vector<Unpaid>> unpaid(std::int32_t partition, std::size_t most) override {
    return store_.unpaid(partition, most);
  }
  Result<void> confirm(const std::map<std::int32_t, Claim>& claims) override {
    return store_.confirm(claims);
  }
  Result<void> commit(std::span<const PartitionWork> works) override {
    if (unavailable.load() > 0) {
      --unavailable;
      return fail(Code::unavailable, "the disk sulks");
    }
    if (usurped.exchange(false)) {
      for (const PartitionWork& work : works) {
        if (auto claimed = store_.claim(work.partition); !claimed) return fail(Code::io, "claim");
      }
    }
    auto done = store_.commit(works);
    if (done && unknown.exchange(false)) return fail(Code::unavailable, "no answer to COMMIT");
    return done;
  }
  Result<std::vector<OutboxRow>> outbox(std::int32_t partition) override {
    return store_.outbox(partition);
  }
  Result<void> forget(std::span<const OutboxKey> sent) override { return store_.forget(sent); }

  std::atomic<int> unclaimable{0};   // claims that fail
  std::atomic<int> blind{0};         // looks for orders that fail
  std::atomic<int> unavailable{0};   // commits that fail, nothing written
  std::atomic<bool> usurped{false};  // the next commit finds another owner
  std::atomic<bool> unknown{false};  // the next commit happens and fails

 private:
  OrderStore& store_;
};

// The log, the database, and workers that come and go.
struct Shop {
  client::MockCluster cluster;
  tests::TempDir dir;
  SystemClock clock;
  std::unique_ptr<client::Producer> producer;
  std::unique_ptr<SociOrderStore> store;
  Options options;

  Shop() {
    log::start("unit-worker", log::Level::error);
    cluster.create_topic(kTopic.c_str(), 2);
    cluster.create_topic(("dlq." + kTopic).c_str(), 1);
    options.bootstrap_servers = cluster.settings().bootstrap_servers;
    options.kafka = cluster.settings().extra;
    options.session_timeout = Millis(6'000);
    auto opened = client::Producer::open(cluster.settings());
    REQUIRE(opened.has_value());
    producer = std::move(*opened);
    store = open_store();
    for (const std::int32_t partition : {0, 1}) {
      append(partition, ledger::Epoch{.epoch = 1, .writer = "w"});
      append(partition, ledger::Sale{.sale = "phone", .stock = 1000});
    }
  }

  std::unique_ptr<SociOrderStore> open_store() {
    auto opened = SociOrderStore::open("sqlite:" + dir.path() + "/orders.db", kTopic);
    REQUIRE(opened.has_value());
    return std::move(*opened);
  }

  void administer(const std::string& statement) {
    soci::session sql("sqlite3", dir.path() + "/orders.db");
    sql << statement;
  }

  void append_bytes(std::int32_t partition, const std::string& value) {
    std::promise<client::Outcome> outcome;
    REQUIRE(
        producer->send({.topic = kTopic, .partition = partition, .key = "key", .value = value},
                       [&outcome](const client::Delivery& d) { outcome.set_value(d.outcome); }));
    REQUIRE(outcome.get_future().get() == client::Outcome::persisted);
  }
  void append(std::int32_t partition, const ledger::Event& event) {
    append_bytes(partition, ledger::encode(event));
  }
};

class Running {
 public:
  Running(Shop& shop, OrderStore& store)
      : metrics(registry), worker_(shop.options, store, shop.clock, metrics) {
    thread_ = std::jthread([this] { worker_.run(); });
  }
  ~Running() { stop(); }
  void stop() {
    if (!thread_.joinable()) return;
    worker_.stop();
    thread_.join();
  }
  Status status() const { return worker_.status(); }

  metrics::Registry registry;
  WorkerMetrics metrics;

 private:
  Worker worker_;
  std::jthread thread_;
};

// Reads a topic as anybody would, to see what the worker answered.
class Answers {
 public:
  Answers(Shop& shop, const std::string& topic, int partitions) {
    auto opened = client::Consumer::open(shop.cluster.settings(), {});
    REQUIRE(opened.has_value());
    consumer_ = std::move(*opened);
    std::vector<client::TopicPartition> all;
    for (int p = 0; p < partitions; ++p) all.push_back({topic, p, client::kOffsetBeginning});
    REQUIRE(consumer_->assign(all));
  }

  // The orders that have been answered, once there are `count` of them.
  std::map<std::string, std::string> wait_for_orders(std::size_t count) {
    const Instant deadline = clock_.now() + kPatience;
    while (answered_.size() < count && clock_.now() < deadline) {
      auto batch = consumer_->poll(1000, Millis(200));
      if (!batch) continue;
      for (const client::Record& record : batch->records()) {
        const auto event = ledger::decode(*record.value);
        if (!event) continue;
        const auto type = std::string(ledger::type_of(*event));
        if (type == "placed" || type == "rejected") answered_[ledger::key_of(*event)] = type;
      }
    }
    REQUIRE(answered_.size() == count);
    return answered_;
  }

  std::vector<std::string> wait_for_values(std::size_t count) {
    const Instant deadline = clock_.now() + kPatience;
    std::vector<std::string> values;
    while (values.size() < count && clock_.now() < deadline) {
      auto batch = consumer_->poll(1000, Millis(200));
      if (!batch) continue;
      for (const client::Record& record : batch->records()) values.emplace_back(*record.value);
    }
    return values;
  }

 private:
  SystemClock clock_;
  std::unique_ptr<client::Consumer> consumer_;
  std::map<std::string, std::string> answered_;
};

void check_placed(SociOrderStore& store, int users) {
  CHECK(*store.order_count() == users);
  for (int user = 0; user < users; ++user) {
    const auto row = store.find_order(id_of(user));
    REQUIRE(row.has_value());
    REQUIRE(row->has_value());
    CHECK((*row)->state == OrderState::placed);
  }
}

}  // namespace

TEST_CASE("reserves become rows and are answered on the log; poison goes to the dead letters") {
  Shop shop;
  for (int user = 0; user < 20; ++user) shop.append(user % 2, reserve(user));
  shop.append_bytes(0, "poison");
  shop.append(0, reserve(0));
  shop.append(1, ledger::Reserve{.order = id_of(99),
                                 .sale = "phone",
                                 .user = "late",
                                 .quantity = 1,
                                 .reserved_at = 1,
                                 .epoch = 9});
  Running running(shop, *shop.store);
  Answers answers(shop, kTopic, 2);
  const auto answered = answers.wait_for_orders(21);
  CHECK(answered.at(id_of(0)) == "placed");
  CHECK(answered.at(id_of(99)) == "rejected");
  CHECK(Answers(shop, "dlq." + kTopic, 1).wait_for_values(1) == std::vector<std::string>{"poison"});
  CHECK(running.metrics.placed.value() == 20);
  CHECK(running.metrics.rejected.value() == 1);
  CHECK(running.metrics.dead_letters.value() == 1);
  running.stop();
  CHECK(running.metrics.outbox_sent.value() == 22);
  CHECK(*shop.store->order_count() == 21);
  // What was acknowledged is not sent again by the next one.
  CHECK(shop.store->outbox(0)->empty());
  CHECK(shop.store->outbox(1)->empty());
}

TEST_CASE("the next worker goes on where the database is, whatever the group remembers") {
  Shop shop;
  for (int user = 0; user < 10; ++user) shop.append(0, reserve(user));
  {
    Running first(shop, *shop.store);
    Answers(shop, kTopic, 2).wait_for_orders(10);
  }
  for (int user = 10; user < 20; ++user) shop.append(0, reserve(user));
  shop.options.group_id = "another-group";  // it has no commits at all
  Running second(shop, *shop.store);
  Answers(shop, kTopic, 2).wait_for_orders(20);
  CHECK(second.metrics.placed.value() == 10);
  second.stop();
  check_placed(*shop.store, 20);
}

namespace {

void place_ten(Shop& shop) {
  for (int user = 0; user < 10; ++user) shop.append(0, reserve(user));
  Running first(shop, *shop.store);
  Answers(shop, kTopic, 2).wait_for_orders(10);
}

}  // namespace

TEST_CASE("the next worker judges by what the database says of the sales") {
  Shop shop;
  place_ten(shop);
  const auto stored = shop.store->fold(0);
  REQUIRE(stored.has_value());
  auto sale = ledger::decode_sale_state((*stored)->sales.at(0).state);
  REQUIRE(sale.has_value());
  CHECK(sale->held == 10);
  sale->granted = 12;
  shop.administer("UPDATE ledger_sales SET state = '" + ledger::encode_sale_state(*sale) +
                  "' WHERE log_partition = 0");
  for (int user = 10; user < 15; ++user) shop.append(0, reserve(user));
  Running second(shop, *shop.store);
  const auto answered = Answers(shop, kTopic, 2).wait_for_orders(15);
  CHECK(answered.at(id_of(11)) == "placed");
  CHECK(answered.at(id_of(12)) == "rejected");
}

TEST_CASE("without what the records have come to they are read again, and nothing written twice") {
  Shop shop;
  place_ten(shop);
  shop.append(0, ledger::Paid{id_of(3), "phone"});
  shop.administer("DELETE FROM ledger_folds");
  shop.administer("DELETE FROM ledger_sales");
  for (int user = 5; user < 20; ++user) shop.append(0, reserve(user));
  {
    Running second(shop, *shop.store);
    Answers(shop, kTopic, 2).wait_for_orders(20);
    CHECK(second.metrics.placed.value() == 10);
  }
  CHECK(*shop.store->order_count() == 20);
  CHECK((*shop.store->find_order(id_of(3)))->state == OrderState::paid);
  const auto stored = shop.store->fold(0);
  REQUIRE(stored->has_value());
  CHECK(ledger::decode_sale_state((*stored)->sales.at(0).state)->held == 20);
}

TEST_CASE("a log that has another record where the database stands is not gone on with") {
  Shop shop;
  place_ten(shop);
  shop.administer("UPDATE ledger_folds SET last_record = last_record + 1");
  Running second(shop, *shop.store);
  const Instant deadline = shop.clock.now() + kPatience;
  while (second.status().why_not.find("another record") == std::string::npos &&
         shop.clock.now() < deadline) {
    std::this_thread::yield();
  }
  CHECK(second.status().why_not.find("seckill.orders-") == 0);
  CHECK_FALSE(second.status().working);
}

TEST_CASE("a lost database is rebuilt from the log") {
  Shop shop;
  for (int user = 0; user < 10; ++user) shop.append(1, reserve(user));
  {
    Running first(shop, *shop.store);
    Answers(shop, kTopic, 2).wait_for_orders(10);
  }
  shop.append(1, ledger::Paid{id_of(3), "phone"});
  shop.store.reset();
  std::filesystem::remove_all(shop.dir.path());
  shop.store = shop.open_store();
  shop.append(1, reserve(10));
  Running second(shop, *shop.store);
  Answers(shop, kTopic, 2).wait_for_orders(11);
  second.stop();
  CHECK(*shop.store->order_count() == 11);
  CHECK((*shop.store->find_order(id_of(3)))->state == OrderState::paid);
}

TEST_CASE("a database that fails for a while loses nothing") {
  Shop shop;
  FlakyStore flaky(*shop.store);
  flaky.unavailable = 3;
  flaky.blind = 2;
  for (int user = 0; user < 10; ++user) shop.append(0, reserve(user));
  Running running(shop, flaky);
  Answers(shop, kTopic, 2).wait_for_orders(10);
  CHECK(running.metrics.transaction_retries.value() == 5);
  running.stop();
  check_placed(*shop.store, 10);
}

TEST_CASE("a worker that cannot claim what the group gave it joins again") {
  Shop shop;
  FlakyStore flaky(*shop.store);
  flaky.unclaimable = 2;
  for (int user = 0; user < 10; ++user) shop.append(user % 2, reserve(user));
  Running running(shop, flaky);
  Answers(shop, kTopic, 2).wait_for_orders(10);
  CHECK(flaky.unclaimable == 0);
  running.stop();
  check_placed(*shop.store, 10);
}

TEST_CASE("a worker that finds another owner writes nothing and joins again") {
  for (const bool usurped : {true, false}) {
    CAPTURE(usurped);
    Shop shop;
    FlakyStore flaky(*shop.store);
    flaky.usurped = usurped;
    flaky.unknown = !usurped;
    for (int user = 0; user < 10; ++user) shop.append(0, reserve(user));
    Running running(shop, flaky);
    Answers(shop, kTopic, 2).wait_for_orders(10);
    CHECK(running.metrics.fenced.value() == 1);
    running.stop();
    check_placed(*shop.store, 10);
  }
}

TEST_CASE("answers left in the outbox are sent by the next worker") {
  Shop shop;
  shop.append(0, reserve(0));
  // The worker that wrote this stretch died before it could send the answer.
  OrderMachine machine(kTopic, 0);
  PartitionWork work{.claim = *shop.store->claim(0)};
  std::int64_t offset = 0;
  for (const ledger::Event& event :
       {ledger::Event(ledger::Epoch{.epoch = 1, .writer = "w"}),
        ledger::Event(ledger::Sale{.sale = "phone", .stock = 1000}), reserve(0)}) {
    const std::string value = ledger::encode(event);
    machine.apply({offset++, "key", value}, WallTime{1}, work);
  }
  machine.finish(work);
  REQUIRE(shop.store->commit(std::span(&work, 1)));
  Running running(shop, *shop.store);
  Answers(shop, kTopic, 2).wait_for_orders(1);
  running.stop();
  check_placed(*shop.store, 1);
  CHECK(shop.store->outbox(0)->empty());
}

TEST_CASE("a worker without a server stops when it is told to") {
  Shop shop;
  shop.options.bootstrap_servers = "127.0.0.1:1";
  Running running(shop, *shop.store);
  running.stop();
  CHECK_FALSE(running.status().working);
}
