// Every write, sync, creation, rename and removal under a RocksStore fails, once or for ever, and
// the power is cut before each of them: nothing acknowledged is lost, nothing crashes, reads go on,
// a full disk heals by itself and nothing else does.

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <semaphore>

#include <doctest/doctest.h>
#include <rocksdb/env.h>

#include "broker/log/rocks_store_info_log.h"
#include "broker/log/rocks_store_mark.h"
#include "tests/unit/broker/fault_bench.h"

// RocksDB 7.8 forgets a new memtable when the MANIFEST cannot be written.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:rocksdb::DBImpl::SwitchMemtable\n";
}

namespace sluice::broker {
namespace {

using tests::Fault;
using tests::FaultBench;
using tests::FileCall;

// How many of the points of a sweep are looked at; SLUICE_FAULT_POINTS for more.
std::size_t points() {
  const char* wanted = std::getenv("SLUICE_FAULT_POINTS");
  return wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : 7;
}

constexpr FileCall kEveryCall[] = {FileCall::create, FileCall::append, FileCall::sync,
                                   FileCall::rename, FileCall::remove, FileCall::sync_directory};
std::string name_of(FileCall call) {
  static constexpr const char* kNames[] = {"create", "append", "sync",
                                           "rename", "remove", "sync_directory"};
  return kNames[static_cast<std::size_t>(call)];
}

// How often a history makes each call.
std::array<std::size_t, tests::kFileCalls> calls_of_a_life() {
  std::array<std::size_t, tests::kFileCalls> calls{};
  FaultBench bench;
  bench.medium.files().heal();
  bench.live();
  for (const FileCall call : kEveryCall) {
    calls[static_cast<std::size_t>(call)] = bench.medium.files().calls(call);
  }
  bench.check_restarted();
  REQUIRE(bench.promises.refused == 0);
  return calls;
}

TEST_CASE("the last record of a segment is acknowledged though the next one does not fit") {
  FaultBench bench;
  bench.create("plain");
  bench.put_plain();
  bench.medium.files().fail(
      {.call = FileCall::create, .for_ever = true, .no_space = true, .in_file = ".log"});
  bench.roll();
  REQUIRE(bench.medium.files().struck() != "");
  bench.put_plain();
  CHECK(bench.store().refuses_writes().find("disk") != std::string::npos);
  CHECK(bench.promises.plain.size() == 1);
  CHECK(bench.promises.refused == 1);
  bench.housekeep();  // still full
  CHECK(bench.store().refuses_writes() != "");
  bench.check(bench.promises);

  bench.medium.files().heal();
  bench.housekeep();
  CHECK(bench.store().refuses_writes() == "");
  bench.put_plain();
  CHECK(bench.promises.plain.size() == 2);
  bench.check(bench.promises);
  bench.check_restarted();
}

TEST_CASE("a full disk refuses, reads go on, and it heals by itself: a write that does not fit") {
  FaultBench bench;
  bench.create("plain");
  bench.put_plain();
  bench.medium.files().fail({.for_ever = true, .no_space = true, .in_file = ".log"});
  bench.put_plain();
  bench.put_plain();
  CHECK(bench.promises.refused == 2);
  CHECK(bench.store().refuses_writes().find("disk") != std::string::npos);
  bench.check(bench.promises);
  bench.medium.files().heal();
  bench.housekeep();
  CHECK(bench.store().refuses_writes() == "");
  // The first one was begun, so it is there; the second was not taken.
  CHECK(bench.log("plain").high_watermark() == 2);
  bench.put_plain();
  CHECK(bench.promises.plain.back().offset == 2);
  bench.check_restarted();
}

// Holds a thread of RocksDB's that flushes, so that a flush is asked for and does not begin.
class HeldFlushes {
 public:
  explicit HeldFlushes(rocksdb::Env& env) {
    env.Schedule(
        [](void* self) {
          auto& held = *static_cast<HeldFlushes*>(self);
          held.begun_.release();
          held.go_on_.acquire();
          held.done_.release();
        },
        this, rocksdb::Env::Priority::HIGH);
    begun_.acquire();
  }
  HeldFlushes(const HeldFlushes&) = delete;
  HeldFlushes& operator=(const HeldFlushes&) = delete;
  ~HeldFlushes() {
    go_on_.release();
    done_.acquire();
  }

 private:
  std::binary_semaphore begun_{0};
  std::binary_semaphore go_on_{0};
  std::binary_semaphore done_{0};
};

TEST_CASE("a flush that had not begun when the disk was full keeps nothing from going on") {
  FaultBench bench;
  bench.create("plain");
  bench.put_plain();
  {
    const HeldFlushes held(*bench.medium.files().env());
    bench.roll();
    bench.medium.files().fail({.for_ever = true, .no_space = true, .in_file = ".log"});
    bench.put_plain();
  }
  CHECK(bench.store().refuses_writes() != "");
  bench.check(bench.promises);
  bench.medium.files().heal();
  bench.housekeep();
  CHECK(bench.store().refuses_writes() == "");
  for (int i = 0; i < 3; ++i) {
    bench.put_plain();
    bench.roll();
    bench.housekeep();
  }
  CHECK(bench.promises.plain.size() == 4);
  bench.check_restarted();
}

TEST_CASE("whoever reads while a full disk has space again reads on, and it goes on afterwards") {
  FaultBench bench;
  bench.create("plain");
  bench.put_plain();
  bench.medium.files().fail({.for_ever = true, .no_space = true, .in_file = ".log"});
  bench.put_plain();
  bench.medium.files().heal();
  {
    const auto reading = bench.store().cursor(Family::log, 0);
    bench.housekeep();
    CHECK(bench.store().refuses_writes() != "");
    bench.check(bench.promises);
    reading->seek("");
    CHECK(reading->valid());
  }
  bench.housekeep();
  CHECK(bench.store().refuses_writes() == "");
  bench.check(bench.promises);
}

TEST_CASE("a disk that is full again while the store is opened is waited for") {
  FaultBench bench;
  bench.create("plain");
  bench.put_plain();
  bench.medium.files().fail({.for_ever = true, .no_space = true, .in_file = ".log"});
  bench.put_plain();
  bench.medium.files().fail({.for_ever = true, .no_space = true, .in_file = ".sst"});
  bench.housekeep();
  CHECK(bench.store().refuses_writes().find("full") != std::string::npos);
  bench.check(bench.promises);  // reads go on
  bench.medium.files().heal();
  bench.housekeep();
  CHECK(bench.store().refuses_writes() == "");
  bench.check_restarted();
}

TEST_CASE("a flush that fails in the background is known before the next write") {
  FaultBench bench;
  bench.create("plain");
  bench.put_plain();
  for (const bool no_space : {false, true}) {
    if (no_space) bench.restart();
    bench.put_plain();
    bench.medium.files().fail({.for_ever = true, .no_space = no_space, .in_file = ".sst"});
    bench.roll();
    // Whoever wants to rewrite waits for the flush.
    (void)bench.store().reclaim(Family::log, segment_begin(0), segment_begin(1'000),
                                [](ByteView) { return true; });
    CHECK(bench.medium.files().struck() != "");
    CHECK(bench.store().refuses_writes() != "");
    bench.check(bench.promises);
    bench.medium.files().heal();
    bench.housekeep();
    CHECK((bench.store().refuses_writes() == "") == no_space);
  }
  bench.check_restarted();
}

TEST_CASE("a failed fsync is for good, even when there was no space for it") {
  for (const bool no_space : {false, true}) {
    FaultBench bench;
    bench.create("plain");
    bench.put_plain();
    bench.medium.files().fail({.call = FileCall::sync, .no_space = no_space, .in_file = ".log"});
    bench.put_plain();
    CHECK(bench.promises.refused == 1);
    bench.medium.files().heal();
    for (int i = 0; i < 3; ++i) bench.housekeep();
    CHECK(bench.store().refuses_writes().find("restart") != std::string::npos);
    bench.put_plain();
    CHECK(bench.promises.refused == 2);
    bench.check(bench.promises);
    bench.check_restarted();
  }
}

TEST_CASE("the mark survives a power cut once it was written") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    FaultBench bench;
    bench.create("plain");
    bench.put_plain();
    REQUIRE(bench.store().housekeep());
    const auto marked = read_mark(bench.medium.path()).value();
    bench.put_plain();
    bench.medium.files().cut_power(1, bench.medium.beside("cut"), seed);
    bench.put_plain();
    REQUIRE(bench.medium.files().cut());
    REQUIRE(marked);
    REQUIRE(read_mark(bench.medium.beside("cut")).value() == marked);
    bench.restart_in("cut");
    bench.check_whole();
  }
}

// Runs a history with the fault in it; whatever came of it, promises are kept.
void live_with(const Fault& fault) {
  FaultBench bench;
  auto& files = bench.medium.files();
  files.fail(fault);
  bench.live();
  const std::string struck = files.struck();
  if (struck.empty()) return;
  CAPTURE(struck);
  const bool syncs = fault.call == FileCall::sync || fault.call == FileCall::sync_directory;
  const bool writes = syncs || fault.call == FileCall::append || fault.call == FileCall::create;
  const bool passes = fault.no_space && !syncs;
  if (writes && !passes) {
    // A thread of RocksDB's may be about to say so.
    for (int i = 0; i < 20'000 && bench.store().refuses_writes().empty(); ++i) bench.housekeep();
    CHECK(bench.store().refuses_writes().find("restart") != std::string::npos);
  }
  bench.check(bench.promises);  // reads go on
  files.heal();
  for (int i = 0; i < 2; ++i) bench.housekeep();
  if (passes) {
    CHECK(bench.store().refuses_writes() == "");
    bench.create("plain");
    const auto acknowledged = bench.promises.plain.size();
    bench.put_plain();
    CHECK(bench.promises.plain.size() == acknowledged + 1);
    bench.check(bench.promises);
  }
  bench.check_restarted();
}

TEST_CASE("every call fails, once or for ever: nothing acknowledged is lost") {
  const auto calls = calls_of_a_life();
  SeededRandom random(3);
  for (const FileCall call : kEveryCall) {
    const std::size_t count = calls[static_cast<std::size_t>(call)];
    MESSAGE(name_of(call) << ": " << count << " calls");
    const std::size_t step = std::max<std::size_t>(1, count / points());
    for (std::size_t nth = 1 + random.below(step); nth <= count; nth += step) {
      const bool no_space = random.below(2) == 0;
      const bool for_ever = random.below(2) == 0;
      CAPTURE(name_of(call));
      CAPTURE(nth);
      CAPTURE(no_space);
      CAPTURE(for_ever);
      live_with({.call = call, .nth = nth, .for_ever = for_ever, .no_space = no_space});
    }
  }
}

TEST_CASE("the power is cut before any call: nothing acknowledged is lost") {
  std::size_t count = 0;
  for (const std::size_t calls : calls_of_a_life()) count += calls;
  SeededRandom random(4);
  const std::size_t step = std::max<std::size_t>(1, count / (3 * points()));
  for (std::size_t nth = 1 + random.below(step); nth <= count; nth += step) {
    CAPTURE(nth);
    FaultBench bench;
    bench.medium.files().cut_power(nth, bench.medium.beside("cut"), nth);
    bench.live();
    if (!bench.medium.files().cut()) continue;
    bench.restart_in("cut");
    bench.check_whole();
  }
}

// The disk fills, the power is cut while the store goes on.
TEST_CASE("the power is cut while a full disk heals") {
  SeededRandom random(5);
  for (std::size_t nth = 1; nth <= 40; nth += 1 + random.below(40 / points() + 1)) {
    CAPTURE(nth);
    FaultBench bench;
    bench.create("plain");
    bench.create("keyed");
    for (int i = 0; i < 3; ++i) bench.put_plain();
    bench.medium.files().fail({.for_ever = true, .no_space = true, .in_file = ".log"});
    bench.put_plain();
    bench.medium.files().heal();
    bench.medium.files().cut_power(nth, bench.medium.beside("cut"), nth);
    bench.housekeep();
    bench.put_plain();
    bench.put_keyed(1);
    bench.roll();
    bench.put_plain();
    if (!bench.medium.files().cut()) break;
    bench.restart_in("cut");
    bench.check_whole();
  }
}

// RocksDB's own would abort the process when it cannot be written.
TEST_CASE("the log of RocksDB's own messages is no matter of life and death") {
  tests::TempDir dir;
  InfoLog log(dir.path() + "/missing/LOG");
  rocksdb::Warn(&log, "not written");
  InfoLog full("/dev/full");  // cannot be renamed either
  for (int i = 0; i < 3; ++i) rocksdb::Warn(&full, "not written %d", i);
  const std::string path = dir.path() + "/LOG";
  for (int i = 0; i < 300; ++i) {
    InfoLog written(path);
    rocksdb::Warn(&written, "%s", std::string(8'000, 'x').c_str());
  }
  CHECK(std::filesystem::file_size(path) > 4'000);
  CHECK(std::filesystem::file_size(path + ".old") < 8'000);
}

// Each way to the end of a start that fails.
TEST_CASE("a start on a disk that fails says so, and the next one finds everything") {
  FaultBench bench;
  bench.live();
  bench.end();
  auto& files = bench.medium.files();
  files.heal();
  for (const FileCall call : kEveryCall) {
    for (std::size_t nth = 1; nth <= 40; nth += 1 + nth / 4) {
      CAPTURE(name_of(call));
      CAPTURE(nth);
      files.fail({.call = call, .nth = nth, .for_ever = true, .no_space = true});
      const auto opened = bench.medium.try_open();
      const bool struck = !files.struck().empty();
      if (!opened) {
        CHECK_MESSAGE(opened.error().context.find("is full") != std::string::npos,
                      opened.error().context);
        CHECK_MESSAGE(opened.error().context.find(bench.medium.path()) != std::string::npos,
                      opened.error().context);
      }
      files.heal();
      if (!struck) break;
    }
  }
  bench.reopen();
  bench.start();
  bench.check_whole();
}

}  // namespace
}  // namespace sluice::broker
