#include "frontend/order_log.h"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "shared/client/consumer.h"
#include "shared/ledger/codec.h"
#include "tests/unit/client/deliveries.h"
#include "tests/unit/client/mock_cluster.h"
#include "tests/unit/frontend/shop.h"

namespace sluice::frontend {

using client::Deliveries;
using client::eventually;
using client::kPatience;
using client::MockCluster;
using client::Outcome;

namespace {

constexpr const char* kTopic = "seckill.orders";

std::unique_ptr<OrderLog> open(const client::Settings& settings,
                               const client::ProducerOptions& options = {}) {
  auto producer = client::Producer::open(settings, options);
  REQUIRE(producer);
  auto log = std::make_unique<OrderLog>(std::move(*producer), "me");
  log->set_partition_count(2);
  return log;
}

Result<void> append(OrderLog& log, int n, client::Producer::Done done) {
  return log.append(
      reserve_of("u", std::to_string(n), 0), 0, [](const ledger::Reserve&) { return true; },
      std::move(done));
}

std::vector<ledger::Event> read(const MockCluster& cluster, std::size_t count) {
  auto consumer = client::Consumer::open(cluster.settings(), {});
  REQUIRE(consumer);
  const client::TopicPartition start{kTopic, 0, 0};
  REQUIRE((*consumer)->assign({&start, 1}));
  std::vector<ledger::Event> events;
  eventually([&] {
    const auto batch = (*consumer)->poll(1'000, Millis(100));
    if (!batch) return false;
    for (const auto& record : batch->records()) {
      auto event = ledger::decode(*record.value);
      REQUIRE(event);
      events.push_back(std::move(*event));
    }
    return events.size() >= count;
  });
  return events;
}

}  // namespace

TEST_CASE("reserves carry the epoch, and their preparer sees what is sent") {
  MockCluster cluster;
  cluster.create_topic(kTopic, 2);
  Deliveries deliveries;
  auto log = open(cluster.settings());
  CHECK(log->partition_count() == 2);
  REQUIRE(log->begin_epoch(0, 5, deliveries.done()));
  ledger::Reserve prepared;
  REQUIRE(log->append(
      reserve_of("u", "1", 99), 0,
      [&](const ledger::Reserve& reserve) {
        prepared = reserve;
        return true;
      },
      deliveries.done()));
  CHECK(prepared == reserve_of("u", "1", 5));
  REQUIRE(log->flush(kPatience));
  CHECK(log->outstanding() == 0);
  const auto events = read(cluster, 2);
  REQUIRE(events.size() == 2);
  CHECK(events[0] == ledger::Event(ledger::Epoch{5, "me"}));
  CHECK(events[1] == ledger::Event(prepared));
  for (const auto& one : deliveries.wait_for(2)) CHECK(one.outcome == Outcome::persisted);
}

TEST_CASE("epochs and the reserves of many threads keep their order on the log") {
  constexpr int kThreads = 4;
  constexpr int kReserves = 1'000;
  constexpr std::int64_t kEpochs = 40;
  MockCluster cluster;
  cluster.create_topic(kTopic, 2);
  Deliveries deliveries;
  auto log = open(cluster.settings());
  REQUIRE(log->begin_epoch(0, 1, deliveries.done()));
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kReserves; ++i) {
          while (!append(*log, t * kReserves + i, deliveries.done())) std::this_thread::yield();
        }
      });
    }
    for (std::int64_t epoch = 2; epoch <= kEpochs; ++epoch) {
      REQUIRE(log->begin_epoch(0, epoch, deliveries.done()));
      std::this_thread::yield();
    }
  }
  REQUIRE(log->flush(kPatience));
  constexpr std::size_t kTotal = kThreads * kReserves + kEpochs;
  const auto events = read(cluster, kTotal);
  REQUIRE(events.size() == kTotal);
  std::int64_t epoch = 0;
  int wrong = 0;
  for (const auto& event : events) {
    if (const auto* begun = std::get_if<ledger::Epoch>(&event)) {
      wrong += begun->epoch == epoch + 1 ? 0 : 1;
      epoch = begun->epoch;
    } else {
      wrong += std::get<ledger::Reserve>(event).epoch == epoch ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
  for (const auto& one : deliveries.wait_for(kTotal)) CHECK(one.outcome == Outcome::persisted);
}

TEST_CASE("behind a sale's record there is no reserve that was prepared before it was announced") {
  constexpr int kThreads = 4;
  MockCluster cluster;
  cluster.create_topic(kTopic, 2);
  Deliveries deliveries;
  auto log = open(cluster.settings());
  REQUIRE(log->begin_epoch(0, 1, deliveries.done()));
  std::atomic<bool> announced = false;
  std::atomic<std::size_t> sent = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0;; ++i) {
          const auto done = log->append(
              reserve_of("u", fmt::format("{}-{}", t, i), 0), 0,
              [&](const ledger::Reserve&) { return !announced.load(); }, deliveries.done());
          if (done) ++sent;
          if (!done && done.error().code == Code::closed) return;
        }
      });
    }
    while (sent < 1'000) std::this_thread::yield();
    announced = true;
    ledger::Sale prepared;
    REQUIRE(log->append(
        ledger::Sale{.sale = "mug", .paused = true}, 0,
        [&](const ledger::Sale& sale) { prepared = sale; }, deliveries.done()));
    CHECK(prepared.epoch == 1);
  }
  REQUIRE(log->flush(kPatience));
  const auto events = read(cluster, sent + 2);
  REQUIRE(events.size() == sent + 2);
  CHECK(std::holds_alternative<ledger::Sale>(events.back()));
}

TEST_CASE("a reserve whose epoch did not reach the log is in doubt, until the epoch is read") {
  MockCluster cluster;
  cluster.create_topic(kTopic, 2);
  Deliveries epochs;
  Deliveries deliveries;
  auto log = open(cluster.settings());
  REQUIRE(log->begin_epoch(0, 1, epochs.done()));
  REQUIRE(log->flush(kPatience));
  cluster.fail_next(client::kProduceRequest, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  REQUIRE(log->begin_epoch(0, 2, epochs.done()));
  REQUIRE(epochs.wait_for(2)[1].outcome == Outcome::not_persisted);
  REQUIRE(append(*log, 1, deliveries.done()));
  CHECK(deliveries.wait_for(1)[0].outcome == Outcome::possibly_persisted);
  SUBCASE("a newer epoch makes it right") {
    REQUIRE(log->begin_epoch(0, 3, epochs.done()));
  }
  SUBCASE("so does reading it back") {
    log->confirm_epoch(0, 2);
    log->confirm_epoch(0, 1);  // an older one does not undo it
  }
  REQUIRE(append(*log, 2, deliveries.done()));
  CHECK(deliveries.wait_for(2)[1].outcome == Outcome::persisted);
}

TEST_CASE("a full queue is told at once, and nothing was sent") {
  Deliveries deliveries;
  auto log =
      open({.bootstrap_servers = "127.0.0.1:1", .client_id = "test"}, {.queue_messages_max = 3});
  CHECK(!log->reachable());
  REQUIRE(log->begin_epoch(0, 1, deliveries.done()));
  REQUIRE(append(*log, 1, deliveries.done()));
  REQUIRE(append(*log, 2, deliveries.done()));
  bool called = false;
  const auto refused = append(*log, 3, [&](client::Delivery) { called = true; });
  REQUIRE(!refused);
  CHECK(refused.error().code == Code::overloaded);
  CHECK(log->begin_epoch(0, 2, deliveries.done()).error().code == Code::overloaded);
  CHECK(log->outstanding() == 3);
  log.reset();
  CHECK(!called);
  const auto all = deliveries.wait_for(3);
  REQUIRE(all.size() == 3);
  for (const auto& one : all) CHECK(one.outcome == Outcome::not_persisted);
}

TEST_CASE("an epoch that could not be sent is not carried") {
  Deliveries deliveries;
  auto log =
      open({.bootstrap_servers = "127.0.0.1:1", .client_id = "test"}, {.queue_messages_max = 2});
  REQUIRE(log->begin_epoch(0, 1, deliveries.done()));
  REQUIRE(append(*log, 1, deliveries.done()));
  REQUIRE(!log->begin_epoch(0, 2, deliveries.done()));
  std::int64_t epoch = 0;
  static_cast<void>(log->append(
      reserve_of("u", "2", 0), 0,
      [&](const ledger::Reserve& reserve) {
        epoch = reserve.epoch;
        return true;
      },
      [](client::Delivery) {}));
  CHECK(epoch == 1);
}

}  // namespace sluice::frontend
