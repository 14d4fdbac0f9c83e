// What is forgotten goes from the store, whatever else shares its segment, and what is kept is not
// rewritten for it.

#include "broker/log/reclaimer.h"

#include "broker/log/verify.h"
#include "tests/support/fault_files.h"
#include "tests/unit/broker/stored_history.h"

namespace sluice::broker {
namespace {

using tests::batch_of;
using tests::FaultFiles;
using tests::LogBench;
using tests::RocksMedium;
using tests::SimMedium;
using tests::StoredHistory;

template <class Medium>
struct ReclaimBench : StoredHistory<Medium> {
  void reclaim() {
    Reclaimer reclaimer(this->context(), this->maintenance);
    CHECK(this->await(
        reclaimer.run([this] { return this->topics->wanted(this->committer().segment()); })));
  }
  void roll() {
    this->committer().roll_segment();
    CHECK(this->await(this->committer().commit()));
  }
  VerifyReport verify() {
    VerifyReport report = Verifier(this->store()).run();
    REQUIRE_MESSAGE(report.clean(), report.findings.front().text());
    return report;
  }
  std::string all(const std::string& topic, std::int32_t index = 0) {
    PartitionLog& partition = this->log(topic, index);
    return this->read(partition, partition.log_start());
  }
  // As a start does it.
  void restart() {
    this->end();
    this->reopen();
    this->topics = std::make_unique<Topics>(this->context(), this->random, TopicLimits{});
    REQUIRE(this->topics->recover());
    this->committer().set_segment(this->topics->next_segment().value());
  }
};

TEST_CASE_TEMPLATE("what is forgotten is there until it is reclaimed, and nothing else goes",
                   Medium, RocksMedium, SimMedium) {
  ReclaimBench<Medium> bench;
  bench.roll();
  const VerifyReport before = bench.verify();
  CHECK(before.forgotten_bytes > 0);
  const std::string first = bench.all("orders", 0);
  const std::string second = bench.all("orders", 1);
  for (int i = 0; i < 3; ++i) {
    // A segment without anything forgotten that is more than half of it is left alone.
    bench.log("orders", 0).trim(bench.log("orders", 0).log_start());
    bench.reclaim();
    CHECK(bench.verify().records == before.records);
  }
  bench.restart();
  CHECK(bench.all("orders", 0) == first);
  CHECK(bench.all("orders", 1) == second);

  for (int i = 0; i < 3; ++i) bench.log("orders", i).trim(bench.log("orders", i).high_watermark());
  bench.reclaim();
  const VerifyReport after = bench.verify();
  CHECK(after.forgotten_bytes == 0);
  CHECK(after.values == 0);
  CHECK(after.parts == 0);
}

TEST_CASE_TEMPLATE("of a segment that is mostly forgotten the rest is kept", Medium, RocksMedium,
                   SimMedium) {
  ReclaimBench<Medium> bench;
  bench.roll();
  const std::string kept = bench.all("orders", 2);
  for (int i = 0; i < 2; ++i) bench.log("orders", i).trim(bench.log("orders", i).high_watermark());
  const std::uint64_t before = bench.verify().forgotten_bytes;
  bench.reclaim();
  const std::uint64_t after = bench.verify().forgotten_bytes;
  CHECK(before > 0);
  CHECK(after == 0);
  CHECK(bench.all("orders", 2) == kept);
  bench.restart();
  CHECK(bench.all("orders", 2) == kept);
}

TEST_CASE_TEMPLATE("what a crash left between forgetting and reclaiming goes after the start",
                   Medium, RocksMedium, SimMedium) {
  ReclaimBench<Medium> bench;
  bench.roll();
  for (const char* topic : {"orders", "one"}) {
    std::vector<PartitionId> removed;
    CHECK(bench.await(bench.topics->remove(topic, &removed)).code == wire::ErrorCode::none);
  }
  const Segment open = bench.committer().segment();
  bench.restart();
  // Nobody has a part of the newest segments, but they are not used again.
  CHECK(bench.committer().segment() >= open);
  CHECK(bench.verify().forgotten_bytes > 0);
  bench.reclaim();
  CHECK(bench.verify().forgotten_bytes == 0);
}

TEST_CASE_TEMPLATE("records that a partition forgot in the open segment stay forgotten", Medium,
                   RocksMedium, SimMedium) {
  ReclaimBench<Medium> bench;
  auto& one = bench.log("one");
  bench.fill("one", 0, 1);
  one.trim(one.high_watermark());
  const Offset start = one.log_start();
  bench.fill("one", 0, 2);
  CHECK(bench.read(one, start) == bench.all("one"));
  const std::string kept = bench.all("one");
  bench.verify();
  bench.restart();
  CHECK(bench.log("one").log_start() == start);
  CHECK(bench.all("one") == kept);
  bench.verify();
}

// A broker's log on files that count.
class CountedMedium {
 public:
  std::unique_ptr<Store> open() {
    auto store = open_rocks_store({.path = dir_.path(),
                                   .segment_bytes = 1 << 20,
                                   .disk_reserve_bytes = 0,
                                   .env = files_.env()});
    CHECK(store);
    return std::move(*store);
  }
  std::uint64_t table_bytes() const { return files_.appended_bytes(".sst"); }

 private:
  tests::TempDir dir_;
  FaultFiles files_{dir_.path()};
};

TEST_CASE("retention rewrites nothing that is kept") {
  LogBench<CountedMedium> bench;
  bench.committer_options.segment_bytes = 1 << 20;
  bench.reopen();
  auto log = bench.make_log(0);
  constexpr std::int64_t kKept = 8 << 20;
  std::uint64_t written = 0;
  for (int i = 0; i < 320; ++i) {
    const Buffer batch = batch_of({std::string(100 << 10, 'x')});
    written += batch.size();
    CHECK(bench.append(*log, batch).error == wire::ErrorCode::none);
    if (i % 8 != 7) continue;
    (void)log->retain({.ms = {}, .bytes = kKept}, {});
    Reclaimer reclaimer(bench.context(), bench.maintenance);
    CHECK(bench.await(reclaimer.run([&] {
      Wanted wanted(bench.committer().segment());
      wanted.add(log->id(), log->log_start());
      return wanted;
    })));
  }
  CHECK(log->log_start() > 0);
  CHECK(log->bytes() < kKept + (2 << 20));
  // Each record once, and a bit of state.
  const auto tables = static_cast<double>(bench.medium.table_bytes());
  CHECK(tables < 1.1 * static_cast<double>(written));
  log.reset();
}

}  // namespace
}  // namespace sluice::broker
