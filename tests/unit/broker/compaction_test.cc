#include "broker/log/compaction.h"

#include <doctest/doctest.h>

#include "broker/log/cleaner.h"
#include "broker/log/verify.h"
#include "tests/unit/broker/stored_history.h"

namespace sluice::broker {
namespace {

using tests::compressed;
using tests::LogBench;
using tests::RocksMedium;
using tests::SimMedium;
using tests::text_of;

struct Keyed {
  std::optional<ByteView> key;
  std::optional<ByteView> value;
};

Buffer keyed_batch(std::initializer_list<Keyed> records, Offset base = 0,
                   std::int64_t timestamp = 1'000) {
  wire::RecordBatchBuilder builder({.base_offset = base});
  for (const auto& record : records) builder.add(timestamp++, record.key, record.value);
  return std::move(builder).finish();
}

NewestOffsets newest_of(ByteView batches, Offset begin = 0, std::size_t bytes_max = 1 << 20) {
  NewestOffsets newest(bytes_max, begin);
  const auto split = wire::split_batches(batches);
  REQUIRE(split);
  for (const auto& batch : *split) {
    const auto added = newest.add(batch);
    REQUIRE(added);
    if (!*added) break;
  }
  return newest;
}

constexpr CleanBounds kNow{.newest = 100, .now_ms = 5'000, .delete_retention_ms = 1'000};

TEST_CASE("the newest record of each key stays, with its offset") {
  const Buffer value =
      keyed_batch({{"a", "1"}, {"b", "2"}, {"a", "3"}}) + keyed_batch({{"b", "4"}, {"c", "5"}}, 3);
  const auto cleaned = clean_value(value, newest_of(value), kNow);
  REQUIRE(cleaned);
  CHECK(cleaned->changed);
  CHECK(text_of(cleaned->bytes) == "2=3 3=4 4=5 ");
  CHECK(cleaned->dropped == 2);
  CHECK(cleaned->last_offset == 4);
  CHECK(cleaned->max_timestamp == 1'002);
  const auto batches = wire::split_batches(cleaned->bytes);
  CHECK(batches->front().base_offset() == 0);
  CHECK(batches->front().last_offset() == 2);
  CHECK((*batches)[1].bytes() == keyed_batch({{"b", "4"}, {"c", "5"}}, 3));
}

TEST_CASE("what nothing replaces is not touched, byte for byte") {
  const Buffer value = keyed_batch({{"a", "1"}, {"b", "2"}});
  const auto cleaned = clean_value(value, newest_of(value), kNow);
  REQUIRE(cleaned);
  CHECK_FALSE(cleaned->changed);
  CHECK(cleaned->bytes == value);
}

TEST_CASE("records: which of them stay") {
  struct Row {
    const char* what;
    Keyed first;
    Keyed second;
    Offset map_begin;
    Offset newest;
    const char* left;
  };
  const Row rows[] = {
      {"replaced by a later one", {"k", "1"}, {"k", "2"}, 0, 100, "1=2 "},
      {"replaced by a tombstone", {"k", "1"}, {"k", std::nullopt}, 0, 100, "1= "},
      {"no key", {std::nullopt, "1"}, {"k", "2"}, 0, 100, "1=2 "},
      {"no key, but the log's last", {"k", "1"}, {std::nullopt, "2"}, 0, 1, "0=1 1=2 "},
      {"an empty key is a key", {"", "1"}, {"", "2"}, 0, 100, "1=2 "},
      {"an empty value is no tombstone", {"k", ""}, {"j", "2"}, 0, 100, "0= 1=2 "},
      {"different keys", {"k", "1"}, {"j", "2"}, 0, 100, "0=1 1=2 "},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Buffer value = keyed_batch({row.first, row.second});
    CleanBounds bounds = kNow;
    bounds.newest = row.newest;
    const auto cleaned = clean_value(value, newest_of(value, row.map_begin), bounds);
    REQUIRE(cleaned);
    CHECK(text_of(cleaned->bytes) == row.left);
  }
}

TEST_CASE("beyond the end of the map nothing is decided") {
  const Buffer first = keyed_batch({{"a", "1"}, {"b", "2"}});
  const Buffer second = keyed_batch({{"c", "3"}, {"a", "4"}}, 2);
  // The first batch fits whatever the limit.
  const auto newest = newest_of(first + second, 0, 1);
  CHECK(newest.end() == 2);
  const auto cleaned = clean_value(first + second, newest, kNow);
  REQUIRE(cleaned);
  CHECK_FALSE(cleaned->changed);
  const auto all = clean_value(first + second, newest_of(first + second), kNow);
  CHECK(text_of(all->bytes) == "1=2 2=3 3=4 ");
}

TEST_CASE("a tombstone stays for its time, which begins when compaction first sees it") {
  const Buffer value = keyed_batch({{"a", "1"}, {"a", std::nullopt}, {"b", "2"}});
  const auto first = clean_value(value, newest_of(value), kNow);
  REQUIRE(first);
  CHECK(text_of(first->bytes) == "1= 2=2 ");
  CHECK(first->next_horizon_ms == 6'000);
  const auto batch = wire::RecordBatchView::at_front(first->bytes);
  CHECK(batch->has_delete_horizon());
  // For a client the times are what they were.
  const auto records = wire::read_records(*batch);
  CHECK((*records)[0].timestamp_ms == 1'001);
  CHECK((*records)[1].timestamp_ms == 1'002);

  CleanBounds later = kNow;
  later.now_ms = 5'999;
  const auto second = clean_value(first->bytes, NewestOffsets(1, 3), later);
  CHECK_FALSE(second->changed);
  CHECK(second->next_horizon_ms == 6'000);
  later.now_ms = 6'000;
  const auto third = clean_value(first->bytes, NewestOffsets(1, 3), later);
  CHECK(text_of(third->bytes) == "2=2 ");
  CHECK(third->next_horizon_ms == kNoHorizon);
  CHECK_FALSE(wire::RecordBatchView::at_front(third->bytes)->has_delete_horizon());
  const auto left = wire::RecordBatchView::at_front(third->bytes);
  const auto left_records = wire::read_records(*left);
  CHECK(left_records->front().timestamp_ms == 1'002);
}

TEST_CASE("compressed batches are thinned too, and stay compressed") {
  for (const auto codec : {wire::Compression::gzip, wire::Compression::snappy,
                           wire::Compression::lz4, wire::Compression::zstd}) {
    CAPTURE(static_cast<int>(codec));
    const Buffer value = compressed(keyed_batch({{"a", "1"}, {"b", "2"}, {"a", "3"}}), codec);
    const auto cleaned = clean_value(value, newest_of(value), kNow);
    REQUIRE(cleaned);
    CHECK(text_of(cleaned->bytes) == "1=2 2=3 ");
    CHECK(wire::RecordBatchView::at_front(cleaned->bytes)->compression() == codec);
  }
}

TEST_CASE("producer, sequence and offsets of a thinned batch are those of the whole") {
  wire::RecordBatchBuilder builder(
      {.base_offset = 40, .producer_id = 7, .producer_epoch = 2, .base_sequence = 11});
  builder.add(1, "a", "1");
  builder.add(2, "a", "2");
  builder.add(3, "b", "3");
  const Buffer value = std::move(builder).finish();
  const auto cleaned = clean_value(value, newest_of(value, 40), kNow);
  REQUIRE(cleaned);
  const auto batch = wire::RecordBatchView::at_front(cleaned->bytes);
  CHECK(batch->producer_id() == 7);
  CHECK(batch->producer_epoch() == 2);
  CHECK(batch->base_sequence() == 11);
  CHECK(batch->last_sequence() == 13);
  CHECK(batch->base_offset() == 40);
  CHECK(batch->last_offset() == 42);
  CHECK(batch->record_count() == 2);
}

TEST_CASE("damage and bombs are errors, and nothing is decided") {
  Buffer bad = compressed(keyed_batch({{"a", "1"}}), wire::Compression::gzip);
  bad.resize(bad.size() - 3);
  store_be(bad.data() + 8, static_cast<std::int32_t>(bad.size() - 12));
  NewestOffsets newest(1'000, 0);
  CHECK(newest.add(*wire::RecordBatchView::at_front(bad)).error().code == Code::corrupt);
  CHECK(clean_value(bad, NewestOffsets(1'000, 1), kNow).error().code == Code::corrupt);
  CHECK_FALSE(clean_value("no batch", NewestOffsets(1'000, 1), kNow));
}

CleanedValue cleaned_of(std::size_t bytes, bool changed, Offset last) {
  return {.bytes = Buffer(bytes, 'x'), .changed = changed, .last_offset = last};
}

TEST_CASE("neighbours that shrank become one value") {
  Rewriter rewriter;
  rewriter.add(9, 50, cleaned_of(50, false, 9));
  rewriter.add(19, 100, cleaned_of(10, true, 19));
  rewriter.add(29, 100, cleaned_of(0, true, -1));
  rewriter.add(39, 20, cleaned_of(20, false, 39));
  rewriter.add(49, 100, cleaned_of(0, true, -1));
  rewriter.add(59, 100'000, cleaned_of(100'000, false, 59));
  rewriter.add(69, 10, cleaned_of(0, true, -1));
  const auto rewrites = rewriter.finish();
  REQUIRE(rewrites.size() == 2);
  CHECK(rewrites[0].from == 19);
  CHECK(rewrites[0].last == 49);
  CHECK(rewrites[0].new_last == 39);
  CHECK(rewrites[0].value.size() == 30);
  CHECK(rewrites[0].old_bytes == 320);
  CHECK(rewrites[1].from == 69);
  CHECK(rewrites[1].new_last == -1);
}

constexpr CompactionRules kAtOnce{.delete_retention_ms = 1'000, .min_dirty_ratio = 0};

template <class Medium>
struct CleanBench : LogBench<Medium> {
  void put(PartitionLog& log, Keyed record) { this->append(log, keyed_batch({record})); }
  void close_segment() {
    this->committer().roll_segment();
    CHECK(this->await(this->committer().commit()));
  }
  void clean(const std::shared_ptr<PartitionLog>& log, CompactionRules rules = kAtOnce,
             std::size_t map_bytes_max = 1 << 20) {
    Cleaner cleaner(this->context(), this->maintenance, this->loop.clock(), map_bytes_max);
    const auto cleaned = this->await(cleaner.clean({log, rules}));
    CHECK(cleaned);
    passes += cleaner.stats().passes;
  }
  std::uint64_t passes = 0;
};

TEST_CASE_TEMPLATE("closed segments are compacted, the open one is not", Medium, RocksMedium,
                   SimMedium) {
  CleanBench<Medium> bench;
  bench.tail_bytes = 1 << 20;
  bench.reopen();
  auto log = bench.make_log(1);
  bench.put(*log, {"a", "1"});
  bench.put(*log, {"b", "2"});
  bench.put(*log, {"a", "3"});
  bench.clean(log);
  CHECK(bench.passes == 0);
  CHECK(bench.read(*log, 0) == "0=1 1=2 2=3 ");
  bench.close_segment();
  bench.put(*log, {"b", "4"});
  const auto before = log->bytes();
  bench.clean(log);
  CHECK(bench.read(*log, 0) == "1=2 2=3 3=4 ");
  CHECK(log->bytes() < before);
  CHECK(log->bytes() == bench.segments().live_bytes());
  CHECK(bench.read(*log, 1) == "1=2 2=3 3=4 ");
  CHECK(bench.read(*log, 2) == "2=3 3=4 ");
  CHECK(log->log_start() == 0);
  CHECK(log->end() == 4);

  log.reset();
  bench.reopen();
  const auto again = bench.recover_log(1);
  REQUIRE(again);
  CHECK(bench.read(**again, 0) == "1=2 2=3 3=4 ");
  CHECK(bench.append(**again, keyed_batch({{"c", "5"}})).base_offset == 4);
  bench.clean(*again);
  CHECK(bench.read(**again, 0) == "2=3 3=4 4=5 ");
}

TEST_CASE("a part that is emptied becomes its neighbour's, and its segment dies") {
  CleanBench<SimMedium> bench;
  auto log = bench.make_log(1);
  bench.put(*log, {"a", "1"});
  bench.close_segment();
  bench.put(*log, {"a", "2"});
  bench.close_segment();
  bench.put(*log, {"b", "3"});
  bench.clean(log);
  CHECK(bench.read(*log, 0) == "1=2 2=3 ");
  CHECK(bench.segments().garbage(bench.committer().segment()).dead ==
        std::vector<Segments::Garbage::Range>{{0, 1}});
  log.reset();
  bench.reopen();
  const auto again = bench.recover_log(1);
  REQUIRE(again);
  CHECK((*again)->log_start() == 0);
  CHECK(bench.read(**again, 0) == "1=2 2=3 ");
  (*again)->trim(1);
  CHECK(bench.await(bench.committer().commit()));
  CHECK(bench.read(**again, 1) == "1=2 2=3 ");
}

TEST_CASE("the last record stays whatever it is, so that the end does") {
  CleanBench<SimMedium> bench;
  auto log = bench.make_log(1);
  bench.put(*log, {"a", "1"});
  bench.put(*log, {"a", std::nullopt});
  bench.close_segment();
  bench.clean(log, {.delete_retention_ms = 0, .min_dirty_ratio = 0});
  bench.clean(log, {.delete_retention_ms = 0, .min_dirty_ratio = 0});
  CHECK(bench.read(*log, 0) == "1= ");
  bench.put(*log, {"b", "2"});
  bench.close_segment();
  bench.clean(log, {.delete_retention_ms = 0, .min_dirty_ratio = 0});
  bench.clean(log, {.delete_retention_ms = 0, .min_dirty_ratio = 0});
  CHECK(bench.read(*log, 0) == "2=2 ");
}

TEST_CASE("what is worth a pass: enough that is new, or a tombstone whose time has come") {
  CleanBench<SimMedium> bench;
  auto log = bench.make_log(1);
  const CompactionRules half{.delete_retention_ms = 60'000, .min_dirty_ratio = 0.5};
  bench.put(*log, {"a", std::nullopt});
  bench.put(*log, {"b", std::string(100, 'x')});
  bench.put(*log, {"c", std::string(100, 'x')});
  bench.close_segment();
  bench.clean(log, half);
  CHECK(bench.passes == 1);
  bench.put(*log, {"a", "1"});
  bench.close_segment();
  bench.clean(log, half);
  CHECK(bench.passes == 1);  // too little
  bench.loop.run([&] { return false; }, 10);
  bench.clean(log, {.min_lag_ms = 1LL << 60, .min_dirty_ratio = 0});
  CHECK(bench.passes == 1);  // too young
  const auto at = bench.loop.clock().now() + Millis(60'000);
  bool later = false;
  bench.loop.at(at, [&] { later = true; });
  bench.loop.run([&] { return later; }, 1'000'000);
  bench.clean(log, half);
  CHECK(bench.passes == 2);  // the tombstone is due
}

TEST_CASE("more keys than the map holds take several passes") {
  CleanBench<SimMedium> bench;
  auto log = bench.make_log(1);
  for (const char* value : {"1", "2"}) {
    for (const char* key : {"a", "b", "c", "d", "e"}) bench.put(*log, {key, value});
  }
  bench.close_segment();
  bench.clean(log, kAtOnce, 150);
  CHECK(bench.passes > 2);
  CHECK(bench.read(*log, 0) == "5=2 6=2 7=2 8=2 9=2 ");
}

// Looks at the store after every commit of a compaction. How many left damage.
int damaged_commits(char lost_state) {
  tests::StoredHistory<SimMedium> history;
  PartitionLog& log = history.log("one");
  for (int segment = 0; segment < 3; ++segment) {
    for (const char* value : {"1", "2", "3"}) {
      history.append(log, keyed_batch({{"a", value}, {"b", value}}));
    }
    history.committer().roll_segment();
    CHECK(history.await(history.committer().commit()));
  }
  SimDisk& disk = history.medium.disk();
  if (lost_state != 0) disk.lose_state_keys(lost_state);
  Cleaner cleaner(history.context(), history.maintenance, history.loop.clock(), 1 << 20);
  auto task = cleaner.clean({history.topics->find("one")->partitions.front(), kAtOnce});
  int commits = 0;
  int damaged = 0;
  for (std::size_t seen = disk.writes(); !task.done();) {
    REQUIRE(history.loop.step());
    if (disk.writes() == seen) continue;
    seen = disk.writes();
    ++commits;
    if (!Verifier(history.store()).run().clean()) ++damaged;
  }
  CHECK(task.take());
  CHECK(commits > 3);
  CHECK(cleaner.stats().records_dropped > 0);
  return damaged;
}

TEST_CASE(
    "every commit of a compaction leaves a whole log: the mark comes with the first rewrite") {
  CHECK(damaged_commits(0) == 0);
  // Without it holes are damage, from the first commit on.
  CHECK(damaged_commits('c') > 0);
}

}  // namespace
}  // namespace sluice::broker
