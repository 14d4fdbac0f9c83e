#include "broker/topics.h"

#include "broker/offsets.h"
#include "tests/unit/broker/log_bench.h"

namespace sluice::broker {
namespace {

using tests::batch_of;
using wire::ErrorCode;
using Bench = tests::LogBench<tests::SimMedium>;

struct TopicBench : Bench {
  TopicBench() { restart(); }
  ~TopicBench() { topics.reset(); }

  Result<void> restart() {
    topics.reset();
    reopen();
    topics = std::make_unique<Topics>(context(), random, limits);
    return topics->recover();
  }
  ErrorCode create(const std::string& name, std::int32_t partitions = 1, TopicConfig config = {}) {
    return await(topics->create(name, partitions, std::move(config))).code;
  }
  ErrorCode remove(const std::string& name) {
    std::vector<PartitionId> removed;
    return await(topics->remove(name, &removed)).code;
  }
  PartitionLog& log(const std::string& topic, std::int32_t index = 0) {
    const Topic* found = topics->find(topic);
    REQUIRE(found != nullptr);
    return *found->partition(index);
  }

  SeededRandom random{5};
  TopicLimits limits{.partitions_per_topic_max = 8, .partitions_max = 20};
  std::unique_ptr<Topics> topics;
};

TEST_CASE("topics survive a restart with their ids, partitions and configuration") {
  TopicBench bench;
  TopicConfig config;
  REQUIRE(config.set("max.message.bytes", "1234"));
  CHECK(bench.create("orders", 3, config) == ErrorCode::none);
  CHECK(bench.create("a") == ErrorCode::none);
  CHECK(bench.create("orders") == ErrorCode::topic_already_exists);
  const Buffer id = bench.topics->find("orders")->id;
  bench.append(bench.log("orders", 2), batch_of({"x"}));
  REQUIRE(bench.restart());
  const Topic* orders = bench.topics->find("orders");
  REQUIRE(orders != nullptr);
  CHECK(orders->id == id);
  CHECK(bench.topics->find_by_id(id) == orders);
  CHECK(orders->partitions.size() == 3);
  CHECK(orders->config.max_message_bytes() == 1234);
  CHECK(bench.read(*orders->partition(2), 0) == "0=x ");
  CHECK(orders->partition(3) == nullptr);
  CHECK(orders->partition(-1) == nullptr);
  CHECK(bench.topics->partition_count() == 4);
}

TEST_CASE("a topic that is made again under an old name never meets old records") {
  TopicBench bench;
  for (int round = 0; round < 5; ++round) {
    REQUIRE(bench.create("t", 2) == ErrorCode::none);
    PartitionLog& log = bench.log("t", 1);
    CHECK(log.end() == 0);
    CHECK(bench.append(log, batch_of({"r" + std::to_string(round)}, 9, 0)).base_offset == 0);
    if (round % 2 == 1) REQUIRE(bench.restart());
    CHECK(bench.read(bench.log("t", 1), 0) == "0=r" + std::to_string(round) + " ");
    if (round == 3) {
      // Without waiting in between: both are in one write.
      std::vector<PartitionId> removed;
      auto gone = bench.topics->remove("t", &removed);
      auto made = bench.topics->create("t", 2, {});
      CHECK(removed.size() == 2);
      CHECK(bench.await(std::move(made)).code == ErrorCode::none);
      CHECK(bench.await(std::move(gone)).code == ErrorCode::none);
      CHECK(bench.read(bench.log("t", 1), 0) == "");
    }
    REQUIRE(bench.remove("t") == ErrorCode::none);
    if (round % 2 == 0) REQUIRE(bench.restart());
    CHECK(bench.topics->find("t") == nullptr);
  }
  CHECK(bench.remove("t") == ErrorCode::unknown_topic_or_partition);
  CHECK(bench.topics->partition_count() == 0);
  CHECK(bench.medium.disk().keys(Family::state).size() == 1);  // the next partition's number
}

TEST_CASE("a topic grows and keeps what it has") {
  TopicBench bench;
  REQUIRE(bench.create("t", 2) == ErrorCode::none);
  bench.append(bench.log("t", 1), batch_of({"x"}));
  CHECK(bench.await(bench.topics->grow("t", 2)).code == ErrorCode::invalid_partitions);
  CHECK(bench.await(bench.topics->grow("t", 9)).code == ErrorCode::invalid_partitions);
  CHECK(bench.await(bench.topics->grow("u", 3)).code == ErrorCode::unknown_topic_or_partition);
  CHECK(bench.await(bench.topics->grow("t", 5)).code == ErrorCode::none);
  REQUIRE(bench.restart());
  CHECK(bench.topics->find("t")->partitions.size() == 5);
  CHECK(bench.read(bench.log("t", 1), 0) == "0=x ");
}

TEST_CASE("names and counts that are refused") {
  TopicBench bench;
  const auto refusal = [&](const std::string& name, std::int32_t partitions) {
    return bench.topics->check_new(name, partitions).code;
  };
  for (const std::string& name : {std::string(), std::string("."), std::string(".."),
                                  std::string("a b"), std::string("a/b"), std::string(250, 'a')}) {
    CHECK(refusal(name, 1) == ErrorCode::invalid_topic_exception);
  }
  CHECK(refusal(std::string(249, 'a'), 1) == ErrorCode::none);
  CHECK(refusal("A-b_c.9", 8) == ErrorCode::none);
  CHECK(refusal("t", 0) == ErrorCode::invalid_partitions);
  CHECK(refusal("t", -1) == ErrorCode::invalid_partitions);
  CHECK(refusal("t", 9) == ErrorCode::invalid_partitions);
  REQUIRE(bench.create("a", 8) == ErrorCode::none);
  REQUIRE(bench.create("b", 8) == ErrorCode::none);
  CHECK(refusal("c", 5) == ErrorCode::policy_violation);
  CHECK(refusal("c", 4) == ErrorCode::none);
}

TEST_CASE("configuration that would not be honoured is refused") {
  TopicConfig config;
  CHECK_FALSE(config.set("no.such.thing", "1"));
  for (const char* value : {"", "compact,", "delete;compact", "Compact"}) {
    CHECK_FALSE(config.set("cleanup.policy", value));
  }
  CHECK(config.set("cleanup.policy", "compact"));
  CHECK(config.compacts());
  CHECK(config.set("retention.ms", "5"));
  CHECK_FALSE(config.retention().ms);
  CHECK(config.set("cleanup.policy", "compact, delete"));
  CHECK(config.compacts());
  CHECK(config.retention().ms == 5);
  CHECK(config.set("cleanup.policy", "delete"));
  CHECK_FALSE(config.compacts());
  for (const char* value : {"", "-0.1", "1.1", "nan", "half"}) {
    CHECK_FALSE(config.set("min.cleanable.dirty.ratio", value));
  }
  CHECK(config.set("min.cleanable.dirty.ratio", "0.01"));
  config = TopicConfig();
  CHECK(config.set("cleanup.policy", "delete"));
  for (const char* value : {"", "-2", "soon"}) {
    CHECK_FALSE(config.set("retention.ms", value));
    CHECK_FALSE(config.set("retention.bytes", value));
  }
  CHECK(config.set("retention.ms", "1000"));
  CHECK(config.retention().ms == 1000);
  CHECK(config.set("retention.ms", "-1"));
  CHECK_FALSE(config.retention().ms);
  for (const char* value : {"", "0", "-5", "1x", "99999999999999999999999"}) {
    CHECK_FALSE(config.set("max.message.bytes", value));
  }
  CHECK(config.set("max.message.bytes", "77"));
  CHECK(config.max_message_bytes() == 77);
  CHECK(config.overrides().size() == 3);
}

TEST_CASE("damage stops the start and names the topic") {
  TopicBench bench;
  REQUIRE(bench.create("healthy") == ErrorCode::none);
  REQUIRE(bench.create("orders", 2) == ErrorCode::none);
  const PartitionId second = bench.log("orders", 1).id();
  bench.append(bench.log("orders", 1), batch_of({"x"}, 9, 0));
  auto& disk = bench.medium.disk();
  const Buffer key = state_key(StateKind::topic, "orders");
  const Buffer stored = disk.keys(Family::state).at(key);
  SUBCASE("its description is cut short") {
    disk.damage(Family::state, key, stored.substr(0, stored.size() - 3));
  }
  SUBCASE("its description is too long") {
    disk.damage(Family::state, key, stored + "x");
  }
  SUBCASE("its description is empty") {
    disk.damage(Family::state, key, "");
  }
  SUBCASE("a configuration nobody knows") {
    Buffer config = stored.substr(0, stored.size() - 2);
    config += Buffer("\0\1\0\3abc\0\1x", 10);
    disk.damage(Family::state, key, config);
  }
  SUBCASE("a partition's bounds") {
    disk.damage(Family::state, partition_key(second), "");
  }
  SUBCASE("a partition's log") {
    disk.damage(Family::log, log_key(bench.committer().segment(), second, 9), "x");
  }
  SUBCASE("a producer") {
    disk.damage(Family::state, producer_key(second, 9), "x");
  }
  const auto recovered = bench.restart();
  REQUIRE_FALSE(recovered);
  CHECK(recovered.error().context.find("orders") != std::string::npos);
}

TEST_CASE("a damaged partition counter stops the start: a number used twice would mix two logs") {
  TopicBench bench;
  REQUIRE(bench.create("t") == ErrorCode::none);
  const Buffer key = state_key(StateKind::meta, "next_partition");
  SUBCASE("cut short") {
    bench.medium.disk().damage(Family::state, key, "x");
  }
  SUBCASE("behind the partitions that are there") {
    bench.medium.disk().damage(Family::state, key, Buffer(4, '\0'));
  }
  const auto recovered = bench.restart();
  REQUIRE_FALSE(recovered);
  CHECK(recovered.error().code == Code::corrupt);
}

TEST_CASE("offsets: staged, durable, erased with group or topic") {
  Bench bench;
  auto offsets = std::make_unique<Offsets>(bench.store(), bench.committer());
  const auto restart = [&] {
    offsets.reset();
    bench.reopen();
    offsets = std::make_unique<Offsets>(bench.store(), bench.committer());
    return offsets->recover();
  };
  REQUIRE(offsets->stage("g", {"t", 0}, {.offset = 5, .leader_epoch = 1, .metadata = "m"}));
  REQUIRE(offsets->stage("g", {"t", 1}, {.offset = 6}));
  REQUIRE(offsets->stage("g", {"tt", 0}, {.offset = 7}));
  REQUIRE(offsets->stage("h", {"t", 0}, {.offset = 8}));
  REQUIRE(offsets->stage("g", {"t", 0}, {.offset = 9, .leader_epoch = 2, .metadata = "n"}));
  CHECK(offsets->find("g", {"t", 0})->offset == 9);
  CHECK_FALSE(offsets->stage("g", {"t", 0}, {.metadata = std::string(4097, 'x')}));
  REQUIRE(bench.await(bench.committer().commit()));
  REQUIRE(restart());
  const auto* found = offsets->find("g", {"t", 0});
  REQUIRE(found != nullptr);
  CHECK(found->offset == 9);
  CHECK(found->leader_epoch == 2);
  CHECK(found->metadata == "n");
  CHECK(offsets->find_group("g")->size() == 3);
  CHECK(offsets->find("g", {"t", 2}) == nullptr);
  CHECK(offsets->find_group("x") == nullptr);
  SUBCASE("a topic") {
    offsets->stage_erase_topic("t");
    REQUIRE(bench.await(bench.committer().commit()));
    REQUIRE(restart());
    CHECK(offsets->find_group("g")->size() == 1);
    CHECK(offsets->find("g", {"tt", 0})->offset == 7);
    CHECK(offsets->find_group("h") == nullptr);
  }
  SUBCASE("a group") {
    offsets->stage_erase_group("g");
    offsets->stage_erase_group("g");
    REQUIRE(bench.await(bench.committer().commit()));
    REQUIRE(restart());
    CHECK(offsets->find_group("g") == nullptr);
    CHECK(offsets->find("h", {"t", 0})->offset == 8);
  }
  SUBCASE("damage names the group") {
    const Buffer key = bench.medium.disk().keys(Family::state).begin()->first;
    bench.medium.disk().damage(Family::state, key, "short");
    const auto recovered = restart();
    REQUIRE_FALSE(recovered);
    CHECK(recovered.error().context.find("group g") != std::string::npos);
  }
}

}  // namespace
}  // namespace sluice::broker
