#include "shared/client/consumer.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/client/deliveries.h"
#include "tests/unit/client/mock_cluster.h"

namespace sluice::client {

namespace {

constexpr Millis kPoll{100};

void produce(const MockCluster& cluster, std::vector<ProduceRecord> records) {
  Deliveries deliveries;
  auto producer = Producer::open(cluster.settings());
  REQUIRE(producer);
  const std::size_t count = records.size();
  for (ProduceRecord& record : records) {
    REQUIRE((*producer)->send(std::move(record), deliveries.done()));
  }
  REQUIRE(deliveries.wait_for(count).size() == count);
}

void produce(const MockCluster& cluster, int partitions, int per_partition) {
  std::vector<ProduceRecord> records;
  for (int p = 0; p < partitions; ++p) {
    for (int i = 0; i < per_partition; ++i) {
      records.push_back({.topic = "t", .partition = p, .value = std::to_string(i)});
    }
  }
  produce(cluster, std::move(records));
}

std::unique_ptr<Consumer> open(const MockCluster& cluster, ConsumerOptions options = {}) {
  auto consumer = Consumer::open(cluster.settings(), std::move(options));
  REQUIRE(consumer);
  return std::move(*consumer);
}

// A member that remembers what it was told. The hooks need its address to stay.
struct Member {
  Member(const MockCluster& cluster, std::int64_t start) {
    ConsumerOptions options{.missing_offset = ConsumerOptions::Missing::earliest};
    options.group = GroupOptions{.group_id = "g",
                                 .topics = {"t"},
                                 .session_timeout = Millis(6'000),
                                 .heartbeat_interval = Millis(200)};
    options.group->on_assigned =
        [this,
         start](std::vector<TopicPartition> partitions) -> Result<std::vector<TopicPartition>> {
      owned = partitions;
      for (TopicPartition& partition : partitions) partition.offset = start;
      return partitions;
    };
    options.group->on_revoked = [this](std::vector<TopicPartition>, bool) {
      owned.clear();
      ++revocations;
    };
    consumer = open(cluster, std::move(options));
  }
  Member(const Member&) = delete;

  std::size_t poll() {
    auto batch = consumer->poll(1000, kPoll);
    return batch ? batch->records().size() : 0;
  }

  std::vector<TopicPartition> owned;
  int revocations = 0;
  std::unique_ptr<Consumer> consumer;
};

}  // namespace

TEST_CASE("by hand: records as they were sent, then the end") {
  MockCluster cluster;
  cluster.create_topic("t", 1);
  produce(cluster, {{.topic = "t",
                     .partition = 0,
                     .key = "k",
                     .value = "v",
                     .headers = {{"trace", "7"}, {"empty", std::nullopt}},
                     .timestamp_ms = 1'700'000'000'123},
                    {.topic = "t", .partition = 0, .key = std::nullopt, .value = std::nullopt},
                    {.topic = "t", .partition = 0, .key = "", .value = ""}});
  auto consumer = open(cluster, {.report_ends = true});
  const TopicPartition start[] = {{"t", 0, kOffsetBeginning}};
  REQUIRE(consumer->assign(start));
  std::vector<Batch> batches;
  std::vector<Record> records;
  std::vector<TopicPartition> ends;
  CHECK(eventually([&] {
    auto batch = consumer->poll(100, kPoll);
    REQUIRE(batch);
    records.insert(records.end(), batch->records().begin(), batch->records().end());
    ends.insert(ends.end(), batch->ends().begin(), batch->ends().end());
    batches.push_back(std::move(*batch));
    return !ends.empty();
  }));
  REQUIRE(records.size() == 3);
  CHECK(records[0].topic == "t");
  CHECK(records[0].offset == 0);
  CHECK(records[0].timestamp_ms == 1'700'000'000'123);
  CHECK(records[0].key == "k");
  CHECK(records[0].value == "v");
  REQUIRE(records[0].headers.size() == 2);
  CHECK(records[0].headers[0].name == "trace");
  CHECK(records[0].headers[0].value == "7");
  CHECK(!records[0].headers[1].value);
  CHECK(!records[1].key);
  CHECK(!records[1].value);
  CHECK(records[2].key == "");
  CHECK(records[2].value == "");
  CHECK(ends[0] == TopicPartition{"t", 0, 3});

  consumer.reset();  // the batches keep their records
  CHECK(records[0].value == "v");
}

TEST_CASE("a start that is not kept is an error where it is asked to be") {
  MockCluster cluster;
  cluster.create_topic("t", 1);
  produce(cluster, 1, 3);
  auto consumer = open(cluster);
  const TopicPartition start[] = {{"t", 0, 1000}};
  REQUIRE(consumer->assign(start));
  Code code = Code::io;
  CHECK(eventually([&] {
    auto batch = consumer->poll(100, kPoll);
    if (!batch) code = batch.error().code;
    return !batch;
  }));
  CHECK(code == Code::out_of_range);
}

TEST_CASE("pause, resume, seek and watermarks") {
  MockCluster cluster;
  cluster.create_topic("t", 1);
  produce(cluster, 1, 5);
  auto consumer = open(cluster);
  const TopicPartition start[] = {{"t", 0, 2}};
  REQUIRE(consumer->assign(start));
  CHECK(consumer->assignment() == std::vector<TopicPartition>{{"t", 0, 2}});
  std::vector<std::int64_t> offsets;
  const auto read = [&](std::size_t count) {
    return eventually([&] {
      auto batch = consumer->poll(100, kPoll);
      REQUIRE(batch);
      for (const Record& record : batch->records()) offsets.push_back(record.offset);
      return offsets.size() >= count;
    });
  };
  CHECK(read(3));
  CHECK(offsets == std::vector<std::int64_t>{2, 3, 4});

  const auto marks = consumer->watermarks("t", 0, kPatience);
  REQUIRE(marks);
  CHECK(marks->low == 0);
  CHECK(marks->high == 5);

  REQUIRE(consumer->pause(start));
  produce(cluster, 1, 1);
  CHECK(consumer->poll(100, Millis(300))->empty());
  REQUIRE(consumer->resume(start));
  const TopicPartition back[] = {{"t", 0, 4}};
  REQUIRE(consumer->seek(back, kPatience));
  offsets.clear();
  CHECK(read(2));
  CHECK(offsets == std::vector<std::int64_t>{4, 5});
}

TEST_CASE("max_records bounds a poll") {
  MockCluster cluster;
  cluster.create_topic("t", 1);
  produce(cluster, 1, 100);
  auto consumer = open(cluster);
  const TopicPartition start[] = {{"t", 0, 0}};
  REQUIRE(consumer->assign(start));
  std::size_t seen = 0;
  CHECK(eventually([&] {
    auto batch = consumer->poll(7, kPoll);
    REQUIRE(batch);
    CHECK(batch->records().size() <= 7);
    seen += batch->records().size();
    return seen == 100;
  }));
}

TEST_CASE("a group: the hook says where to start, commits are kept") {
  MockCluster cluster;
  cluster.create_topic("t", 2);
  produce(cluster, 2, 10);
  Member member(cluster, 4);
  std::size_t seen = 0;
  CHECK(eventually([&] { return (seen += member.poll()) >= 12; }));
  CHECK(seen == 12);
  CHECK(member.owned.size() == 2);

  const TopicPartition asked[] = {{"t", 0, kOffsetUnknown}, {"t", 1, kOffsetUnknown}};
  auto none = member.consumer->committed(asked, kPatience);
  REQUIRE(none);
  CHECK((*none)[0].offset == kOffsetUnknown);
  const TopicPartition next[] = {{"t", 0, 10}, {"t", 1, 7}};
  REQUIRE(member.consumer->commit(next, Consumer::Wait::yes));
  auto kept = member.consumer->committed(asked, kPatience);
  REQUIRE(kept);
  CHECK((*kept)[0].offset == 10);
  CHECK((*kept)[1].offset == 7);
  CHECK(member.consumer->close());
  CHECK(member.revocations == 1);
  CHECK(member.consumer->poll(1, Millis(0)).error().code == Code::closed);
}

TEST_CASE("a group is left while records are still waiting") {
  MockCluster cluster;
  cluster.create_topic("t", 2);
  produce(cluster, 2, 500);
  Member member(cluster, kOffsetBeginning);
  CHECK(eventually([&] {
    auto batch = member.consumer->poll(1, kPoll);
    return batch && batch->records().size() == 1;
  }));
  CHECK(member.consumer->close());
  CHECK(member.revocations == 1);
}

TEST_CASE("two members share, and one takes over when the other leaves") {
  MockCluster cluster;
  cluster.create_topic("t", 4);
  Member first(cluster, kOffsetBeginning);
  CHECK(eventually([&] {
    first.poll();
    return first.owned.size() == 4;
  }));
  Member second(cluster, kOffsetBeginning);
  CHECK(eventually([&] {
    first.poll();
    second.poll();
    return first.owned.size() == 2 && second.owned.size() == 2;
  }));
  CHECK(first.revocations == 1);
  CHECK(second.consumer->close());
  CHECK(eventually([&] {
    first.poll();
    return first.owned.size() == 4;
  }));
}

TEST_CASE("a hook that fails is told by the poll") {
  MockCluster cluster;
  cluster.create_topic("t", 1);
  produce(cluster, 1, 3);
  ConsumerOptions options;
  options.group = GroupOptions{.group_id = "g", .topics = {"t"}};
  options.group->on_assigned =
      [](std::vector<TopicPartition>) -> Result<std::vector<TopicPartition>> {
    return fail(Code::storage, "the database is gone");
  };
  auto consumer = open(cluster, std::move(options));
  std::string context;
  CHECK(eventually([&] {
    auto batch = consumer->poll(100, kPoll);
    if (batch) CHECK(batch->records().empty());
    if (!batch) context = batch.error().context;
    return !batch;
  }));
  CHECK(context == "the database is gone");
}

TEST_CASE("closing is bounded when the server is gone") {
  MockCluster cluster;
  cluster.create_topic("t", 1);
  Member member(cluster, kOffsetBeginning);
  CHECK(eventually([&] {
    member.poll();
    return member.owned.size() == 1;
  }));
  cluster.down();
  const SystemClock clock;
  const Instant start = clock.now();
  static_cast<void>(member.consumer->close(Millis(1'000)));
  member.consumer.reset();
  CHECK(clock.now() - start < Millis(20'000));
}

TEST_CASE("closing is bounded while the server holds its answers back") {
  MockCluster cluster;
  cluster.create_topic("t", 1);
  Member member(cluster, kOffsetBeginning);
  CHECK(eventually([&] {
    member.poll();
    return member.owned.size() == 1;
  }));
  cluster.delay_answers(60'000);
  const SystemClock clock;
  const Instant start = clock.now();
  const auto closed = member.consumer->close(Millis(200));
  REQUIRE_FALSE(closed);
  CHECK(closed.error().code == Code::timed_out);
  member.consumer.reset();
  CHECK(clock.now() - start < Millis(2'000));
}

}  // namespace sluice::client
