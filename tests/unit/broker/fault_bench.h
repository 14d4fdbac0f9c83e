#pragma once
// FaultBench: a broker's log on a RocksStore whose files can fail, with a history of appends,
// segments, retention and compaction that remembers what was acknowledged; and the check of what is
// there afterwards.

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/log/cleaner.h"
#include "broker/log/reclaimer.h"
#include "broker/log/verify.h"
#include "broker/topics.h"
#include "tests/support/fault_files.h"
#include "tests/unit/broker/log_bench.h"

namespace sluice::tests {

class FaultMedium {
 public:
  FaultMedium() { use("data"); }
  // From the next open() on: another directory beside the first.
  void use(const std::string& name) {
    path_ = beside(name);
    std::filesystem::create_directories(path_);
    files_ = std::make_unique<FaultFiles>(path_);
  }
  std::string beside(const std::string& name) const { return dir_.path() + "/" + name; }
  Result<std::unique_ptr<broker::Store>> try_open() {
    return broker::open_rocks_store(
        {.path = path(), .segment_bytes = 1 << 20, .disk_reserve_bytes = 1, .env = files_->env()});
  }
  std::unique_ptr<broker::Store> open() {
    auto store = try_open();
    REQUIRE_MESSAGE(store, store.error().context);
    return std::move(*store);
  }
  const std::string& path() const { return path_; }
  FaultFiles& files() { return *files_; }

 private:
  TempDir dir_;
  std::string path_;
  std::unique_ptr<FaultFiles> files_;
};

// What a client knows.
struct Promises {
  struct Record {
    broker::Offset offset;
    std::string key;
    std::string value;
  };
  std::vector<Record> plain;
  std::vector<Record> keyed;
  broker::Offset trim_asked = 0;
  broker::Offset trim_done = 0;
  int refused = 0;
};

// What is in a directory, without faults: a store, its topics, and whether promises were kept.
class FaultReader : public LogBench<FaultMedium> {
 public:
  // Reads all of the partition.
  std::vector<Promises::Record> read_all(broker::PartitionLog& log) {
    std::vector<Promises::Record> found;
    for (broker::Offset from = log.log_start(); from < log.high_watermark();) {
      const auto bytes = await(log.read(from, {1 << 16, true}));
      REQUIRE_MESSAGE(bytes, bytes.error().context);
      const Buffer whole = bytes->copy();
      const auto batches = wire::split_batches(whole);
      REQUIRE(batches);
      REQUIRE_FALSE(batches->empty());
      for (const auto& batch : *batches) {
        Buffer storage;
        const auto records = records_of(batch, storage);
        REQUIRE(records);
        for (const auto& record : *records) {
          found.push_back({record.offset, std::string(record.key.value_or("")),
                           std::string(record.value.value_or(""))});
        }
        from = batch.next_offset();
      }
    }
    return found;
  }

  void check(const Promises& promises) {
    check_plain(promises);
    check_keyed(promises);
  }

  broker::PartitionLog& log(const std::string& topic) { return *topics->find(topic)->partition(0); }

  std::unique_ptr<broker::Topics> topics;
  SeededRandom random{5};

 private:
  void check_plain(const Promises& promises) {
    if (!topics->find("plain")) {
      REQUIRE(promises.plain.empty());
      return;
    }
    std::map<broker::Offset, std::string> found;
    for (auto& record : read_all(log("plain"))) found[record.offset] = record.value;
    REQUIRE(log("plain").log_start() >= promises.trim_done);
    REQUIRE(log("plain").log_start() <= promises.trim_asked);
    for (const auto& record : promises.plain) {
      if (record.offset < promises.trim_asked) continue;
      REQUIRE_MESSAGE(found[record.offset] == record.value,
                      "acknowledged and lost: offset " << record.offset);
    }
  }

  void check_keyed(const Promises& promises) {
    if (!topics->find("keyed")) {
      REQUIRE(promises.keyed.empty());
      return;
    }
    std::map<std::string, Promises::Record> newest;
    for (auto& record : read_all(log("keyed"))) newest[record.key] = record;
    for (const auto& record : promises.keyed) {
      const auto& there = newest[record.key];
      REQUIRE_MESSAGE(there.offset >= record.offset, "acknowledged and lost: key " << record.key);
      if (there.offset == record.offset) REQUIRE(there.value == record.value);
    }
  }
};

class FaultBench : public FaultReader {
 public:
  // REQUIRES: nothing fails while it is made, unless the power is cut.
  FaultBench() { start(); }
  ~FaultBench() { end(); }

  void start() {
    topics = std::make_unique<broker::Topics>(context(), random, broker::TopicLimits{});
    REQUIRE(topics->recover());
    committer().set_segment(topics->next_segment().value());
    committer().on_caught_up([this] {
      for (const auto& [name, topic] : topics->all()) topic->partitions.front()->catch_up();
    });
  }
  void end() {
    topics.reset();
    close();
  }
  void restart() {
    end();
    reopen();
    start();
  }
  // A restart on what a power cut left there.
  void restart_in(const std::string& name) {
    end();
    medium.use(name);
    reopen();
    start();
  }
  // Whole, whatever happened; and it goes on.
  void check_restarted() {
    restart();
    check_whole();
  }
  void check_whole() {
    check(promises);
    const auto report = broker::Verifier(store()).run();
    REQUIRE_MESSAGE(report.clean(), report.findings.front().text());
    if (!topics->find("plain")) return;
    const broker::Offset end = log("plain").end();
    REQUIRE(append(log("plain"), batch_of({"more"})).base_offset == end);
  }

  void create(const std::string& name) {
    Buffer version;
    append_be(version, broker::kFormatVersion);
    committer().put(broker::state_key(broker::StateKind::meta, "format"), version);
    if (topics->find(name)) return;
    (void)await(topics->create(name, 1, {}));
  }

  // Its creation may have been refused: then everything about it is.
  bool refused(const std::string& topic) {
    if (topics->find(topic)) return false;
    ++promises.refused;
    return true;
  }

  void put_plain() {
    if (refused("plain")) return;
    const std::string value = std::to_string(++count_) + std::string(2'000, 'x');
    note(append(log("plain"), batch_of({value})), "", value, promises.plain);
  }
  void put_keyed(int key) {
    if (refused("keyed")) return;
    const std::string name = "k" + std::to_string(key);
    const std::string value = std::to_string(++count_) + std::string(500, 'y');
    wire::RecordBatchBuilder builder(wire::RecordBatchBuilder::Options{});
    builder.add(1'000, name, value);
    note(append(log("keyed"), std::move(builder).finish()), name, value, promises.keyed);
  }
  void note(const broker::PartitionLog::Appended& appended, const std::string& key,
            const std::string& value, std::vector<Promises::Record>& into) {
    if (appended.error == wire::ErrorCode::none) {
      into.push_back({appended.base_offset, key, value});
    } else {
      REQUIRE(appended.error == wire::ErrorCode::kafka_storage_error);
      ++promises.refused;
    }
  }

  void trim() {
    if (refused("plain")) return;
    auto& plain = log("plain");
    const broker::Offset to = plain.log_start() + (plain.high_watermark() - plain.log_start()) / 2;
    promises.trim_asked = to;
    plain.trim(to);
    if (await(committer().commit())) promises.trim_done = to;
  }
  void roll() {
    committer().roll_segment();
    (void)await(committer().commit());
  }
  void compact() {
    if (refused("keyed")) return;
    broker::Cleaner cleaner(context(), maintenance, loop.clock(), 1 << 20);
    const auto& topic = *topics->find("keyed");
    (void)await(cleaner.clean({topic.partitions.front(), {.min_dirty_ratio = 0}}));
  }
  // Errors cost space only.
  void reclaim() {
    broker::Reclaimer reclaimer(context(), maintenance);
    (void)await(reclaimer.run([this] { return topics->wanted(committer().segment()); }));
  }
  // As the broker does it once a second.
  void housekeep() {
    (void)store().housekeep();
    committer().retry();
    loop.run_dry();
  }

  // A bit of everything.
  void live() {
    create("plain");
    create("keyed");
    for (int round = 0; round < 4; ++round) {
      for (int i = 0; i < 4; ++i) {
        put_plain();
        put_keyed(i % 3);
      }
      if (round == 2) trim();
      roll();
      housekeep();
      if (round >= 1) compact();
      reclaim();
    }
    put_plain();
    put_keyed(0);
  }

  Promises promises;

 private:
  int count_ = 0;
};

}  // namespace sluice::tests
