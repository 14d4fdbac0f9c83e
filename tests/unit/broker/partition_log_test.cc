#include "broker/log/partition_log.h"

#include "shared/wire/crc32c.h"
#include "tests/unit/broker/log_bench.h"

namespace sluice::broker {
namespace {

using tests::batch_of;
using tests::LogBench;
using tests::RocksMedium;
using tests::SimMedium;
using wire::ErrorCode;
using SimBench = LogBench<SimMedium>;

TEST_CASE_TEMPLATE("offsets are dense and every offset can be read", Medium, RocksMedium,
                   SimMedium) {
  LogBench<Medium> bench;
  auto log = bench.make_log(3);
  // Staged together, so that one stored value holds several batches.
  std::vector<Task<PartitionLog::Appended>> appends;
  const WallTime now = bench.loop.clock().wall();
  appends.push_back(log->append(batch_of({"a", "b"}), now));
  appends.push_back(log->append(batch_of({"c"}), now));
  appends.push_back(log->append(batch_of({"d", "e", "f"}), now));
  CHECK(log->high_watermark() == 0);
  CHECK(log->end() == 6);
  const Offset bases[] = {0, 2, 3};
  for (std::size_t i = 0; i < appends.size(); ++i) {
    const auto appended = bench.await(std::move(appends[i]));
    CHECK(appended.error == ErrorCode::none);
    CHECK(appended.base_offset == bases[i]);
    CHECK(appended.log_start == 0);
  }
  CHECK(log->high_watermark() == 6);
  const std::string all[] = {"0=a 1=b ", "2=c ", "3=d 4=e 5=f "};
  for (Offset from = 0; from < 6; ++from) {
    const std::size_t batch = from < 2 ? 0 : from < 3 ? 1 : 2;
    std::string expected;
    for (std::size_t i = batch; i < 3; ++i) expected += all[i];
    CHECK(bench.read(*log, from) == expected);
  }
  CHECK(bench.read(*log, 6) == "");

  SUBCASE("and again after a restart") {
    log.reset();
    bench.reopen();
    const auto again = bench.recover_log(3);
    REQUIRE(again);
    CHECK((*again)->end() == 6);
    CHECK((*again)->high_watermark() == 6);
    CHECK(bench.read(**again, 4) == "3=d 4=e 5=f ");
    CHECK(bench.append(**again, batch_of({"g"})).base_offset == 6);
  }
}

TEST_CASE("what is staged is invisible until it is durable") {
  SimBench bench;
  auto log = bench.make_log(1);
  auto first = log->append(batch_of({"a"}), {});
  auto second = log->append(batch_of({"b"}), {});
  CHECK(bench.read(*log, 0) == "");
  CHECK(bench.await(std::move(first)).base_offset == 0);
  CHECK(bench.read(*log, 0).starts_with("0=a "));
  CHECK(bench.await(std::move(second)).base_offset == 1);
  CHECK(bench.read(*log, 0) == "0=a 1=b ");
  CHECK(bench.appended == 2);
}

TEST_CASE("read limits: whole batches, the first one whatever its size (KIP-74)") {
  SimBench bench;
  auto log = bench.make_log(1);
  const std::size_t size = batch_of({"a"}).size();
  for (const char* value : {"a", "b", "c"}) bench.append(*log, batch_of({value}));
  CHECK(bench.read(*log, 0, 2 * size) == "0=a 1=b ");
  CHECK(bench.read(*log, 0, 3 * size - 1) == "0=a 1=b ");
  CHECK(bench.read(*log, 1, 1) == "1=b ");
  CHECK(bench.read(*log, 1, 1, false) == "");
  CHECK(bench.read(*log, 1, size, false) == "1=b ");
  CHECK(bench.read(*log, 0, 0) == "0=a ");
}

TEST_CASE("what a read leaves of its limit is not held in memory") {
  SimBench bench;
  auto log = bench.make_log(1);
  bench.append(*log, batch_of({std::string(10'000, 'x')}));
  const auto bytes = bench.await(log->read(0, {1 << 20, true}));
  REQUIRE(bytes);
  REQUIRE(bytes->slices().size() == 1);
  const auto& slice = bytes->slices().front();
  CHECK(slice.bytes.size() > 10'000);
  CHECK(slice.owner->capacity() < 2 * slice.bytes.size());
}

TEST_CASE("a retry gets the first answer, and only when the first is durable") {
  SimBench bench;
  auto log = bench.make_log(1);
  const WallTime now = bench.loop.clock().wall();
  auto first = log->append(batch_of({"a", "b"}, 9, 0), now);
  auto retry = log->append(batch_of({"a", "b"}, 9, 0), now);
  CHECK_FALSE(retry.done());
  CHECK(bench.await(std::move(retry)).base_offset == 0);
  CHECK(first.done());
  CHECK(first.take().base_offset == 0);
  CHECK(log->end() == 2);
  CHECK(bench.append(*log, batch_of({"c"}, 9, 2)).base_offset == 2);
  CHECK(bench.append(*log, batch_of({"a", "b"}, 9, 0)).base_offset == 0);
  CHECK(bench.append(*log, batch_of({"x"}, 9, 7)).error == ErrorCode::out_of_order_sequence_number);
  CHECK(bench.read(*log, 0) == "0=a 1=b 2=c ");
}

TEST_CASE("a retry of a batch whose write fails fails too") {
  SimBench bench;
  auto log = bench.make_log(1);
  bench.medium.disk().fail_next_write();
  auto first = log->append(batch_of({"a"}, 9, 0), {});
  auto retry = log->append(batch_of({"a"}, 9, 0), {});
  CHECK(bench.await(std::move(first)).error == ErrorCode::kafka_storage_error);
  CHECK(bench.await(std::move(retry)).error == ErrorCode::kafka_storage_error);
  CHECK(bench.append(*log, batch_of({"b"})).error == ErrorCode::kafka_storage_error);
  CHECK(log->high_watermark() == 0);
  CHECK(bench.read(*log, 0) == "");
  log.reset();
  bench.reopen();
  const auto again = bench.recover_log(1);
  REQUIRE(again);
  CHECK((*again)->end() == 0);
  CHECK(bench.append(**again, batch_of({"a"}, 9, 0)).base_offset == 0);
}

TEST_CASE_TEMPLATE("producers are known again after a restart", Medium, RocksMedium, SimMedium) {
  LogBench<Medium> bench;
  auto log = bench.make_log(2);
  auto other = bench.make_log(4);
  bench.append(*log, batch_of({"a", "b"}, 9, 0));
  bench.append(*log, batch_of({"c"}, 9, 2));
  bench.append(*other, batch_of({"z"}, 9, 0));
  log.reset();
  other.reset();
  bench.reopen();
  const auto again = bench.recover_log(2);
  REQUIRE(again);
  CHECK(bench.append(**again, batch_of({"a", "b"}, 9, 0)).base_offset == 0);
  CHECK(bench.append(**again, batch_of({"c"}, 9, 2)).base_offset == 2);
  CHECK(bench.append(**again, batch_of({"x"}, 9, 9)).error ==
        ErrorCode::out_of_order_sequence_number);
  CHECK(bench.append(**again, batch_of({"d"}, 9, 3)).base_offset == 3);
}

TEST_CASE("offsets by timestamp") {
  SimBench bench;
  auto log = bench.make_log(1);
  bench.append(*log, batch_of({"a", "b", "c"}, -1, -1, 100));
  bench.append(*log, batch_of({"d", "e"}, -1, -1, 300));
  bench.append(*log, batch_of({"f"}, -1, -1, 200));
  const auto find = [&](std::int64_t time) {
    const auto found = bench.await(log->find_timestamp(time));
    REQUIRE(found);
    return std::pair(found->offset, found->timestamp);
  };
  CHECK(find(0) == std::pair<Offset, std::int64_t>(0, 100));
  CHECK(find(101) == std::pair<Offset, std::int64_t>(1, 101));
  CHECK(find(103) == std::pair<Offset, std::int64_t>(3, 300));
  CHECK(find(301) == std::pair<Offset, std::int64_t>(4, 301));
  CHECK(find(302) == std::pair<Offset, std::int64_t>(-1, -1));
  const auto newest = bench.await(log->find_max_timestamp());
  REQUIRE(newest);
  CHECK(newest->offset == 4);
  CHECK(newest->timestamp == 301);
}

// gzip in name only: nobody here looks inside a compressed batch.
Buffer pretend_compressed(Buffer batch) {
  batch[22] = 1;
  store_be(batch.data() + 17, wire::crc32c(ByteView(batch).substr(21)));
  return batch;
}

TEST_CASE("the newest timestamp of compressed batches is compared by the batch") {
  SimBench bench;
  auto log = bench.make_log(1);
  bench.append(*log, pretend_compressed(batch_of({"a", "b", "c", "d"}, -1, -1, 100)));  // to 103
  bench.append(*log, pretend_compressed(batch_of({"e"}, -1, -1, 102)));
  const auto newest = bench.await(log->find_max_timestamp());
  REQUIRE(newest);
  CHECK(newest->offset < 4);
}

TEST_CASE("an empty partition answers timestamps with nothing") {
  SimBench bench;
  auto log = bench.make_log(1);
  CHECK(bench.await(log->find_timestamp(0))->offset == -1);
  CHECK(bench.await(log->find_max_timestamp())->offset == -1);
}

TEST_CASE("a partition that goes away under reads and appends") {
  SimBench bench;
  auto log = bench.make_log(1);
  auto neighbour = bench.make_log(2);
  bench.append(*log, batch_of({"a", "b"}));
  bench.append(*neighbour, batch_of({"z"}));
  auto read = log->read(0, {1 << 20, true});
  auto append = log->append(batch_of({"c"}), {});
  log->erase();
  auto erased = bench.committer().commit();
  CHECK(log->append(batch_of({"d"}), {}).take().error == ErrorCode::unknown_topic_or_partition);
  PartitionLog* raw = log.get();
  log.reset();  // what is under way keeps it
  CHECK(raw->id() == 1);
  CHECK(bench.await(std::move(append)).error == ErrorCode::none);
  const auto bytes = bench.await(std::move(read));
  REQUIRE(bytes);
  const std::string text = tests::text_of(bytes->copy());
  CHECK((text == "" || text == "0=a 1=b "));
  CHECK(bench.await(std::move(erased)));
  CHECK(bench.read(*neighbour, 0) == "0=z ");
}

TEST_CASE("recovery refuses what does not fit together") {
  SimBench bench;
  auto log = bench.make_log(1);
  bench.append(*log, batch_of({"a", "b"}, 9, 0));
  log.reset();
  SUBCASE("a start that is cut short") {
    bench.medium.disk().damage(Family::state, partition_key(1), "short");
  }
  SUBCASE("a part that is cut short") {
    bench.medium.disk().damage(Family::state, part_key(1, 0), "short");
  }
  SUBCASE("an end that the log does not have") {
    Buffer part = bench.medium.disk().keys(Family::state).at(part_key(1, 0));
    store_be(part.data() + 8, Offset{5});
    bench.medium.disk().damage(Family::state, part_key(1, 0), part);
  }
  SUBCASE("parts that do not touch") {
    Buffer part = bench.medium.disk().keys(Family::state).at(part_key(1, 0));
    store_be(part.data(), Offset{4});
    store_be(part.data() + 8, Offset{6});
    bench.medium.disk().damage(Family::state, part_key(1, 1), part);
  }
  SUBCASE("a log that is longer than its end") {
    bench.medium.disk().damage(Family::log, log_key(0, 1, 7), "x");
  }
  SUBCASE("a producer that cannot be read") {
    bench.medium.disk().damage(Family::state, producer_key(1, 9), "\x01short");
  }
  bench.reopen();
  const auto again = bench.recover_log(1);
  REQUIRE_FALSE(again);
  CHECK(again.error().code == Code::corrupt);
}

TEST_CASE("damaged bytes in the log are an error of the read, not of the process") {
  SimBench bench;
  auto log = bench.make_log(1);
  bench.append(*log, batch_of({"a"}));
  bench.medium.disk().damage(Family::log, log_key(0, 1, 0), "garbage");
  const auto bytes = bench.await(log->read(0, {1 << 20, true}));
  REQUIRE_FALSE(bytes);
  CHECK(bytes.error().code == Code::corrupt);
  CHECK_FALSE(bench.await(log->find_timestamp(0)));
}

}  // namespace
}  // namespace sluice::broker
