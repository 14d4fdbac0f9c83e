#include "shared/client/admin.h"

#include <doctest/doctest.h>

#include "tests/unit/client/deliveries.h"
#include "tests/unit/client/mock_cluster.h"

namespace sluice::client {

namespace {

std::unique_ptr<Admin> open(const Settings& settings, Millis timeout = kPatience) {
  auto admin = Admin::open(settings, timeout);
  REQUIRE(admin);
  return std::move(*admin);
}

}  // namespace

TEST_CASE("topics and brokers") {
  MockCluster cluster;
  cluster.create_topic("b", 3);
  cluster.create_topic("a", 1);
  auto admin = open(cluster.settings());
  const auto topics = admin->list_topics();
  REQUIRE(topics);
  REQUIRE(topics->size() == 2);
  CHECK((*topics)[0].name == "a");
  CHECK((*topics)[1].name == "b");
  REQUIRE((*topics)[1].partitions.size() == 3);
  CHECK((*topics)[1].partitions[2].partition == 2);
  CHECK((*topics)[1].partitions[2].leader == 1);

  const auto info = admin->cluster();
  REQUIRE(info);
  REQUIRE(info->brokers.size() == 1);
  CHECK(info->brokers[0].id == 1);
}

TEST_CASE("the offsets of a partition") {
  MockCluster cluster;
  cluster.create_topic("t", 2);
  Deliveries deliveries;
  auto producer = Producer::open(cluster.settings());
  REQUIRE(producer);
  REQUIRE((*producer)->send({.topic = "t", .partition = 1, .value = "v"}, deliveries.done()));
  REQUIRE(deliveries.wait_for(1).size() == 1);
  auto admin = open(cluster.settings());
  const auto marks = admin->watermarks("t", 1);
  REQUIRE(marks);
  CHECK(marks->low == 0);
  CHECK(marks->high == 1);
}

// The mock cluster knows nothing of configs, so what comes is that nothing came.
TEST_CASE("configs are asked for without waiting, and an answer comes in any case") {
  MockCluster cluster;
  cluster.create_topic("t", 1);
  auto admin = open(cluster.settings(), Millis(100));
  auto answer = admin->ask_configs("t");
  CHECK(!answer.poll());
  std::optional<Result<std::vector<ConfigEntry>>> got;
  REQUIRE(eventually([&] { return (got = answer.poll()).has_value(); }));
  REQUIRE(!*got);
  CHECK((*got).error().code == Code::timed_out);
  CHECK((*got).error().context.starts_with("asking for the configs of t: "));
}

TEST_CASE("whoever asked for configs may go before their answer") {
  MockCluster cluster;
  const SystemClock clock;
  const Instant start = clock.now();
  {
    auto admin = open(cluster.settings(), Millis(60'000));
    const auto answer = admin->ask_configs("t");
  }
  CHECK(clock.now() - start < Millis(20'000));
}

TEST_CASE("a server that is not there is named, without waiting for the timeout") {
  auto admin = open({.bootstrap_servers = "127.0.0.1:1"}, Millis(60'000));
  const SystemClock clock;
  const Instant start = clock.now();
  const auto topics = admin->list_topics();
  REQUIRE(!topics);
  CHECK(topics.error().code == Code::unavailable);
  CHECK(topics.error().context.starts_with("cannot reach 127.0.0.1:1: "));
  CHECK(topics.error().context.ends_with("Connection refused"));
  CHECK(clock.now() - start < Millis(20'000));
}

}  // namespace sluice::client
