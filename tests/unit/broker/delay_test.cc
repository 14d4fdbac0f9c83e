// Delayed records in a partition: what is stored, delivered in bounded pieces, refused, skipped,
// and found wrong.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "broker/log/delayer.h"
#include "broker/log/verify.h"
#include "tests/unit/broker/stored_history.h"

namespace sluice::broker {
namespace {

using tests::LogBench;
using tests::SimMedium;
using tests::StoredHistory;
using wire::ErrorCode;

constexpr PartitionId kPartition = 7;

struct DelayBench : LogBench<SimMedium> {
  DelayBench() { begin(); }
  ~DelayBench() { end(); }

  void begin() {
    context().delayed = [this](std::shared_ptr<PartitionLog> log, DelayPosition from) {
      delayer->add(std::move(log), from);
    };
    context().damaged = [this](PartitionId, const Error& error) { damage = error.context; };
    delayer = std::make_unique<Delayer>(context(), readers, loop.clock(), [] {});
  }
  void end() {
    delayer->stop();
    await(delayer->close());
    delayer.reset();
  }

  // `count` records in one batch that are due at `due_ms`, of a producer when it has a sequence.
  Buffer delayed_batch_of(int count, std::int64_t due_ms, std::int32_t sequence = -1) const {
    wire::RecordBatchBuilder builder({.producer_id = sequence < 0 ? -1 : 4,
                                      .producer_epoch = std::int16_t(sequence < 0 ? -1 : 0),
                                      .base_sequence = sequence});
    const std::string due = std::to_string(due_ms);
    for (int i = 0; i < count; ++i) {
      wire::Record record{.timestamp_ms = 1'000 + i, .value = "v"};
      record.headers.push_back({"deliver-at", due});
      builder.add(record);
    }
    return std::move(builder).finish();
  }
  PartitionLog::Appended send(PartitionLog& log, const Buffer& bytes) {
    const auto batch = wire::RecordBatchView::at_front(bytes);
    auto split = split_delayed(*batch, batch->records(), now(), 1 << 20);
    REQUIRE(split);
    return await(log.commit(split->delayed.empty()
                                ? log.stage(bytes, now())
                                : log.stage_split(bytes, std::move(*split), now())));
  }
  // Until nothing is due any more.
  void deliver() {
    delayer->tick();
    loop.run_dry();
  }
  WallTime now() const { return loop.clock().wall(); }
  std::int64_t in(std::int64_t millis) const { return now().unix_millis + millis; }
  void pass(Millis time) { loop.run_until(loop.clock().now() + time); }

  std::unique_ptr<Delayer> delayer;
  std::string damage;
};

TEST_CASE("a batch that waits takes no offsets, and its repetition is one") {
  DelayBench bench;
  const auto log = bench.make_log(kPartition);
  const Buffer batch = bench.delayed_batch_of(3, bench.in(100), 0);
  const auto first = bench.send(*log, batch);
  CHECK(first.error == ErrorCode::none);
  CHECK(first.base_offset == -1);
  CHECK(log->end() == 0);
  CHECK(log->delays().pending() == 3);
  const auto again = bench.send(*log, batch);
  CHECK(again.error == ErrorCode::none);
  CHECK(again.base_offset == -1);
  CHECK(log->delays().pending() == 3);
  // The whole batch counts for what may follow.
  CHECK(bench.send(*log, bench.delayed_batch_of(1, bench.in(100), 2)).error ==
        ErrorCode::out_of_order_sequence_number);
  CHECK(bench.send(*log, bench.delayed_batch_of(1, bench.in(100), 3)).error == ErrorCode::none);
  bench.pass(Millis(99));
  bench.deliver();
  CHECK(log->high_watermark() == 0);
  bench.pass(Millis(50));
  bench.deliver();
  CHECK(log->high_watermark() == 4);
  CHECK(bench.read(*log, 0) == "0=v 1=v 2=v 3=v ");
  CHECK(bench.delayer->stats().delivered == 4);
}

TEST_CASE("many that are due at once come in bounded pieces") {
  DelayBench bench;
  const auto log = bench.make_log(kPartition);
  constexpr int kRecords = 25'000;
  CHECK(bench.send(*log, bench.delayed_batch_of(kRecords, bench.in(5))).error == ErrorCode::none);
  bench.pass(Millis(5));
  bench.deliver();
  CHECK(log->high_watermark() == kRecords);
  std::int64_t seen = 0;
  for (Offset from = 0; from < kRecords;) {
    const auto bytes = bench.await(log->read(from, {1, true}));
    REQUIRE(bytes);
    const Buffer whole = bytes->copy();
    const auto batch = wire::RecordBatchView::at_front(whole);
    REQUIRE(batch);
    CHECK(batch->validate_deep());
    CHECK(batch->record_count() <= 10'000);
    CHECK(batch->base_timestamp_ms() >= 1'000);
    CHECK(batch->max_timestamp_ms() <= 1'000 + kRecords);
    seen += batch->record_count();
    from = batch->next_offset();
  }
  CHECK(seen == kRecords);
}

TEST_CASE("what waits is limited for all partitions together") {
  DelayBench bench;
  bench.context().delays.pending_max = 5;
  const auto one = bench.make_log(1);
  const auto two = bench.make_log(2);
  CHECK(bench.send(*one, bench.delayed_batch_of(4, bench.in(9'000), 0)).error == ErrorCode::none);
  const Buffer batch = bench.delayed_batch_of(2, bench.in(9'000), 0);
  CHECK(bench.send(*two, batch).error == ErrorCode::policy_violation);
  CHECK(two->delays().pending() == 0);
  const auto page = list_delayed(bench.store(), 1, {}, 10, 1 << 20);
  REQUIRE(page);
  REQUIRE(page->records.size() == 4);
  const DelayPosition third = page->records[2].at;
  CHECK(bench.await(bench.delayer->cancel(one, third)).value());
  CHECK_FALSE(bench.await(bench.delayer->cancel(one, third)).value());
  CHECK(bench.delayer->stats().cancelled == 1);
  // It was not taken for stored when it was refused.
  CHECK(bench.send(*two, batch).error == ErrorCode::none);
}

TEST_CASE("retention counts from the delivery") {
  DelayBench bench;
  const auto log = bench.make_log(kPartition);
  CHECK(bench.send(*log, bench.delayed_batch_of(1, bench.in(10))).error == ErrorCode::none);
  bench.pass(Millis(10));
  bench.deliver();
  bench.committer().roll_segment();
  REQUIRE(bench.await(bench.committer().commit()));
  CHECK(log->retain({.ms = 5'000, .bytes = {}}, bench.now()));
  CHECK(log->log_start() == 0);
  bench.pass(Millis(6'000));
  CHECK(log->retain({.ms = 5'000, .bytes = {}}, bench.now()));
  CHECK(log->log_start() == 1);
}

TEST_CASE("what became due while nobody was there comes at once") {
  DelayBench bench;
  {
    const auto log = bench.make_log(kPartition);
    CHECK(bench.send(*log, bench.delayed_batch_of(2, bench.in(100))).error == ErrorCode::none);
  }
  bench.end();
  bench.close();
  bench.pass(Millis(1'000'000));
  bench.reopen();
  bench.begin();
  const auto log = bench.recover_log(kPartition);
  REQUIRE(log);
  CHECK((*log)->delays().pending() == 2);
  bench.delayer->add(*log, {});
  bench.deliver();
  CHECK((*log)->high_watermark() == 2);
  CHECK(bench.context().delays.pending == 0);
}

TEST_CASE("a damaged record stays and is told, the others come") {
  DelayBench bench;
  const auto log = bench.make_log(kPartition);
  CHECK(bench.send(*log, bench.delayed_batch_of(3, bench.in(10))).error == ErrorCode::none);
  const Buffer key = delay_key(kPartition, {bench.in(10), 1});
  Buffer value = bench.medium.disk().keys(Family::delay).at(key);
  value.back() = static_cast<char>(value.back() ^ 1);
  bench.medium.disk().damage(Family::delay, key, value);
  const auto page = list_delayed(bench.store(), kPartition, {}, 10, 1 << 20);
  REQUIRE(page);
  REQUIRE(page->records.size() == 3);
  CHECK_FALSE(page->records[0].damage);
  REQUIRE(page->records[1].damage);
  CHECK(page->records[1].damage->context.find("the delayed record") != std::string::npos);
  CHECK_FALSE(page->records[2].damage);
  CHECK(find_delayed(bench.store(), kPartition, page->records[1].at).value()->damage);
  bench.pass(Millis(10));
  bench.deliver();
  CHECK(log->high_watermark() == 2);
  CHECK(log->delays().pending() == 1);
  CHECK(bench.damage.find("the delayed record") != std::string::npos);
}

TEST_CASE("a deleted partition's records go with it, and its place in the schedule") {
  DelayBench bench;
  const auto log = bench.make_log(kPartition);
  CHECK(bench.send(*log, bench.delayed_batch_of(3, bench.in(10))).error == ErrorCode::none);
  log->erase();
  bench.delayer->forget(kPartition);
  REQUIRE(bench.await(bench.committer().commit()));
  CHECK(bench.medium.disk().keys(Family::delay).empty());
  CHECK_FALSE(bench.store().get(Family::state, delayed_key(kPartition)).value());
  CHECK(bench.delayer->next_due_ms() == std::nullopt);
  CHECK(bench.context().delays.pending == 0);
}

struct Damage {
  const char* name;
  std::function<void(Store&, PartitionId, Buffer key, Buffer value)> make;
  const char* finding;
};

void write(Store& store, const std::function<void(WriteBatch&)>& fill) {
  WriteBatch batch;
  fill(batch);
  REQUIRE(store.write(batch));
}

void put(Store& store, Family family, const Buffer& key, const Buffer& value) {
  write(store, [&](WriteBatch& batch) { batch.put(family, key, value); });
}

Buffer count_value(std::uint64_t pending, std::uint64_t next_sequence) {
  Buffer value;
  append_be(value, pending);
  append_be(value, next_sequence);
  return value;
}

const Damage kDamages[] = {
    {"one is gone",
     [](Store& store, PartitionId, const Buffer& key, const Buffer&) {
       write(store, [&](WriteBatch& batch) { batch.erase(Family::delay, key); });
     },
     "1 delayed records of it are there, 2 are counted"},
    {"a flipped bit",
     [](Store& store, PartitionId, const Buffer& key, Buffer value) {
       value[wire::kBatchHeaderBytes] = static_cast<char>(value[wire::kBatchHeaderBytes] ^ 1);
       put(store, Family::delay, key, value);
     },
     "topic orders partition 2: the delayed record"},
    {"two batches",
     [](Store& store, PartitionId, const Buffer& key, const Buffer& value) {
       put(store, Family::delay, key, value + value);
     },
     "it is not one batch of one record"},
    {"a key of another length",
     [](Store& store, PartitionId, const Buffer& key, const Buffer& value) {
       put(store, Family::delay, key + "x", value);
     },
     "the key of a delayed record is damaged"},
    {"a sequence of the future",
     [](Store& store, PartitionId id, const Buffer&, const Buffer& value) {
       put(store, Family::delay, delay_key(id, {5, 99}), value);
     },
     "has a sequence that was never given out"},
    {"records of nobody",
     [](Store& store, PartitionId, const Buffer&, const Buffer& value) {
       put(store, Family::delay, delay_key(77, {5, 0}), value);
     },
     "there are delayed records of partition number 77, of which none are counted"},
    {"a count that is cut short",
     [](Store& store, PartitionId id, const Buffer&, const Buffer&) {
       put(store, Family::state, delayed_key(id), "x");
     },
     "how many delayed records it has is damaged"},
    {"more than ever were",
     [](Store& store, PartitionId id, const Buffer&, const Buffer&) {
       put(store, Family::state, delayed_key(id), count_value(3, 2));
     },
     "how many delayed records it has is damaged"},
    {"a count of nobody",
     [](Store& store, PartitionId, const Buffer&, const Buffer&) {
       put(store, Family::state, delayed_key(77), count_value(0, 2));
     },
     "a stored count of delayed records of partition number 77, which no topic has"},
};

TEST_CASE("every damage of delayed records is found with its place") {
  {
    StoredHistory<SimMedium> history;
    const VerifyReport report = Verifier(history.store()).run();
    CHECK(report.clean());
    CHECK(report.delayed_records == 2);
  }
  for (const Damage& damage : kDamages) {
    CAPTURE(damage.name);
    StoredHistory<SimMedium> history;
    const auto [key, value] = *history.medium.disk().keys(Family::delay).begin();
    damage.make(history.store(), history.log("orders", 2).id(), key, value);
    const VerifyReport report = Verifier(history.store()).run();
    std::string text;
    for (const Finding& finding : report.findings) text += finding.text() + "\n";
    CHECK_MESSAGE(text.find(damage.finding) != std::string::npos, text);
    CHECK_FALSE(report.clean());
  }
}

}  // namespace
}  // namespace sluice::broker
