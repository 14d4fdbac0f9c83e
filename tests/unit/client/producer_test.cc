#include "shared/client/producer.h"

#include <doctest/doctest.h>

#include "tests/unit/client/deliveries.h"
#include "tests/unit/client/mock_cluster.h"

namespace sluice::client {

namespace {

// Nothing listens on port 1 of loopback.
const Settings kNowhere{.bootstrap_servers = "127.0.0.1:1", .client_id = "test"};

ProduceRecord record(std::string value) {
  return {.topic = "t", .partition = 0, .key = "k", .value = std::move(value)};
}

std::unique_ptr<Producer> open(const Settings& settings, const ProducerOptions& options = {}) {
  auto producer = Producer::open(settings, options);
  REQUIRE(producer);
  return std::move(*producer);
}

}  // namespace

TEST_CASE("records are persisted in order, each reported once") {
  MockCluster cluster;
  cluster.create_topic("t", 1);
  Deliveries deliveries;
  auto producer = open(cluster.settings());
  for (int i = 0; i < 1000; ++i) REQUIRE(producer->send(record("v"), deliveries.done()));
  CHECK(producer->flush(kPatience));
  CHECK(producer->outstanding() == 0);
  const auto all = deliveries.wait_for(1000);
  REQUIRE(all.size() == 1000);
  for (std::size_t i = 0; i < all.size(); ++i) {
    REQUIRE(all[i].outcome == Outcome::persisted);
    REQUIRE(all[i].offset == static_cast<std::int64_t>(i));
    REQUIRE(!all[i].error);
  }
  CHECK(producer->reachable());
  CHECK(!producer->fatal());
}

TEST_CASE("a setting that is not known is refused by name") {
  Settings settings = kNowhere;
  settings.extra = {"no.such.option=1"};
  auto producer = Producer::open(settings);
  REQUIRE(!producer);
  CHECK(producer.error().code == Code::invalid);
  CHECK(producer.error().context.find("no.such.option") != std::string::npos);
  settings.extra = {"nonsense"};
  CHECK(Producer::open(settings).error().context ==
        "Kafka client option \"nonsense\" is not name=value");
}

TEST_CASE("the queue is bounded") {
  Deliveries deliveries;
  {
    auto producer = open(kNowhere, {.queue_messages_max = 10});
    for (int i = 0; i < 10; ++i) REQUIRE(producer->send(record("v"), deliveries.done()));
    const auto refused = producer->send(record("v"), deliveries.done());
    REQUIRE(!refused);
    CHECK(refused.error().code == Code::overloaded);
    CHECK(producer->outstanding() == 10);
    CHECK(producer->flush(Millis(1)).error().code == Code::timed_out);
  }
  const auto all = deliveries.wait_for(10);
  CHECK(all.size() == 10);
  for (const Delivery& delivery : all) {
    CHECK(delivery.outcome == Outcome::not_persisted);
    CHECK(delivery.error->code == Code::closed);
  }
}

TEST_CASE("without a server a record is certainly not persisted") {
  Deliveries deliveries;
  auto producer = open(kNowhere, {.message_timeout = Millis(300)});
  REQUIRE(producer->send(record("v"), deliveries.done()));
  const auto all = deliveries.wait_for(1);
  REQUIRE(all.size() == 1);
  CHECK(all[0].outcome == Outcome::not_persisted);
  REQUIRE(all[0].error);
  CHECK(all[0].error->code == Code::timed_out);
  CHECK(!producer->reachable());
}

TEST_CASE("a record that is too large is refused at once") {
  MockCluster cluster;
  Deliveries deliveries;
  auto producer = open(cluster.settings(), {.message_bytes_max = 2000});
  const auto refused = producer->send(record(std::string(5000, 'v')), deliveries.done());
  REQUIRE(!refused);
  CHECK(refused.error().code == Code::too_large);
  CHECK(producer->outstanding() == 0);
}

TEST_CASE("sent but not answered is possibly persisted") {
  MockCluster cluster;
  cluster.create_topic("t", 1);
  Deliveries deliveries;
  {
    auto producer = open(cluster.settings());
    REQUIRE(producer->send(record("first"), deliveries.done()));
    REQUIRE(deliveries.wait_for(1).size() == 1);
    cluster.delay_answers(60'000);
    REQUIRE(producer->send(record("second"), deliveries.done()));
    CHECK(!producer->flush(Millis(500)));  // on its way by now
  }
  const auto all = deliveries.wait_for(2);
  REQUIRE(all.size() == 2);
  CHECK(all[0].outcome == Outcome::persisted);
  CHECK(all[1].outcome == Outcome::possibly_persisted);
  CHECK(all[1].error);
}

TEST_CASE("an error that may pass is retried inside") {
  MockCluster cluster;
  cluster.create_topic("t", 1);
  cluster.fail_next(kProduceRequest, RD_KAFKA_RESP_ERR__TRANSPORT);
  cluster.fail_next(kProduceRequest, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
  Deliveries deliveries;
  auto producer = open(cluster.settings());
  REQUIRE(producer->send(record("v"), deliveries.done()));
  const auto all = deliveries.wait_for(1);
  REQUIRE(all.size() == 1);
  CHECK(all[0].outcome == Outcome::persisted);
  CHECK(all[0].offset == 0);
}

TEST_CASE("an error that stays is told") {
  MockCluster cluster;
  cluster.create_topic("t", 1);
  cluster.fail_next(kProduceRequest, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  Deliveries deliveries;
  auto producer = open(cluster.settings());
  REQUIRE(producer->send(record("v"), deliveries.done()));
  const auto all = deliveries.wait_for(1);
  REQUIRE(all.size() == 1);
  CHECK(all[0].outcome == Outcome::not_persisted);
  CHECK(all[0].error->code == Code::invalid);
}

TEST_CASE("a fatal error ends the producer") {
  MockCluster cluster;
  cluster.create_topic("t", 1);
  cluster.fail_next(kInitProducerIdRequest, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
  auto producer = open(cluster.settings());
  CHECK(eventually([&] { return producer->fatal().has_value(); }));
  CHECK(producer->fatal()->code == Code::unavailable);
  Deliveries deliveries;
  const auto refused = producer->send(record("v"), deliveries.done());
  REQUIRE(!refused);
  CHECK(refused.error().context.starts_with("the producer cannot go on"));
}

TEST_CASE("reachable follows the server") {
  MockCluster cluster;
  cluster.create_topic("t", 1);
  auto producer = open(cluster.settings());
  CHECK(eventually([&] { return producer->reachable(); }));
  cluster.down();
  CHECK(eventually([&] { return !producer->reachable(); }));
  cluster.up();
  CHECK(eventually([&] { return producer->reachable(); }));
}

TEST_CASE("a callback may send") {
  MockCluster cluster;
  cluster.create_topic("t", 1);
  Deliveries deliveries;
  auto producer = open(cluster.settings());
  Producer* sender = producer.get();
  REQUIRE(producer->send(record("first"), [&, sender](Delivery) {
    REQUIRE(sender->send(record("second"), deliveries.done()));
  }));
  const auto all = deliveries.wait_for(1);
  REQUIRE(all.size() == 1);
  CHECK(all[0].offset == 1);
}

}  // namespace sluice::client
