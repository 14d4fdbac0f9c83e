// Topics with flush.messages above 1: acknowledged when written, shown when fsynced.

#include "broker/topic_config.h"
#include "tests/unit/broker/log_bench.h"

namespace sluice::broker {
namespace {

using tests::batch_of;
using tests::LogBench;
using tests::SimMedium;
using wire::ErrorCode;
using SimBench = LogBench<SimMedium>;

Task<PartitionLog::Appended> append(PartitionLog& log, const std::vector<std::string>& values,
                                    std::int64_t flush_messages) {
  return log.commit(log.stage(batch_of(values), {}), flush_messages);
}

TEST_CASE("a record is acknowledged when it is written, and shown when it is fsynced") {
  SimBench bench;
  auto log = bench.make_log(1);
  CHECK(bench.await(append(*log, {"a"}, 100)).error == ErrorCode::none);
  CHECK(log->end() == 1);
  CHECK(log->high_watermark() == 0);
  // The fsync is under way without anybody asking.
  bench.loop.run([&] { return log->high_watermark() == 1; }, 1'000);
  CHECK(bench.read(*log, 0) == "0=a ");

  SUBCASE("what was acknowledged and not fsynced survives a kill") {
    CHECK(bench.await(append(*log, {"b"}, 100)).base_offset == 1);
    CHECK(log->high_watermark() == 1);
    log.reset();
    bench.reopen();
    const auto again = bench.recover_log(1);
    REQUIRE(again);
    CHECK((*again)->high_watermark() == 2);
  }

  SUBCASE("a power cut may take it, and what was shown stays") {
    CHECK(bench.await(append(*log, {"b"}, 100)).base_offset == 1);
    bench.medium.disk().crash();
    log.reset();
    bench.reopen();
    const auto again = bench.recover_log(1);
    REQUIRE(again);
    CHECK((*again)->high_watermark() == 1);
    CHECK(bench.append(**again, batch_of({"c"})).base_offset == 1);
  }

  SUBCASE("when the fsync fails nothing is taken any more") {
    CHECK(bench.await(append(*log, {"b"}, 100)).base_offset == 1);
    bench.medium.disk().fail_next_write();
    CHECK(bench.await(append(*log, {"c"}, 1)).error == ErrorCode::kafka_storage_error);
    CHECK(bench.committer().failure());
    CHECK(log->high_watermark() == 1);
    CHECK(bench.await(append(*log, {"d"}, 100)).error == ErrorCode::kafka_storage_error);
  }

  SUBCASE("when the write fails it is not acknowledged") {
    bench.medium.disk().fail_next_write();
    CHECK(bench.await(append(*log, {"b"}, 100)).error == ErrorCode::kafka_storage_error);
  }
}

TEST_CASE("fewer than flush.messages records of a partition wait for their fsync") {
  SimBench bench;
  auto log = bench.make_log(1);
  auto two = append(*log, {"a", "b"}, 3);
  auto third = append(*log, {"c"}, 3);  // would be the third
  CHECK(bench.await(std::move(two)).error == ErrorCode::none);
  CHECK(log->high_watermark() == 0);
  CHECK(bench.await(std::move(third)).error == ErrorCode::none);
  CHECK(log->high_watermark() == 3);
}

TEST_CASE("others in the same commit wait for the fsync") {
  SimBench bench;
  auto relaxed = bench.make_log(1);
  auto strict = bench.make_log(2);
  auto held = append(*strict, {"first"}, 1);  // both of the next go into one commit
  auto written = append(*relaxed, {"a"}, 100);
  auto synced = append(*strict, {"b"}, 1);
  CHECK(bench.await(std::move(written)).error == ErrorCode::none);
  CHECK_FALSE(synced.done());
  CHECK(bench.await(std::move(synced)).error == ErrorCode::none);
  CHECK(held.done());
  CHECK(relaxed->high_watermark() == 1);
  CHECK(bench.committer().stats().commits == 4);  // two made the partitions
}

TEST_CASE("a repeated batch is acknowledged as its first copy was") {
  SimBench bench;
  auto log = bench.make_log(1);
  const Buffer batch = batch_of({"a"}, 7, 0);
  CHECK(bench.await(log->commit(log->stage(batch, {}), 100)).base_offset == 0);
  CHECK(bench.await(log->commit(log->stage(batch, {}), 100)).base_offset == 0);
  CHECK(bench.await(log->commit(log->stage(batch, {}), 1)).base_offset == 0);
  CHECK(log->high_watermark() == 1);  // that one waited
}

TEST_CASE("flush.messages and flush.ms, as Kafka has them") {
  TopicConfig config;
  CHECK(config.flush_messages() == 1);
  REQUIRE(config.set("flush.ms", "1000"));
  CHECK(config.flush_messages() == 1);
  REQUIRE(config.set("flush.messages", "500"));
  CHECK(config.flush_messages() == 500);
  REQUIRE(config.set("flush.ms", "0"));
  CHECK(config.flush_messages() == 1);
  REQUIRE(config.unset("flush.ms"));
  CHECK(config.flush_messages() == 500);
  CHECK_FALSE(config.set("flush.messages", "0"));
  CHECK_FALSE(config.set("flush.ms", "-1"));
}

}  // namespace
}  // namespace sluice::broker
