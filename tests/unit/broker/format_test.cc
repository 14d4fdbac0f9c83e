// Directories of every older format that is taken: they start, become the current one, take
// records, start again; and a backup of one restores to the same.

#include "broker/broker.h"
#include "broker/log/rocks_store_backups.h"
#include "broker/log/verify.h"
#include "tests/unit/broker/stored_history.h"

namespace sluice::broker {
namespace {

using tests::RocksMedium;
using tests::StoredHistory;

using History = StoredHistory<RocksMedium>;

Buffer encoded(std::uint32_t version) {
  Buffer value;
  append_be(value, version);
  return value;
}

const Buffer kFormatKey = state_key(StateKind::meta, "format");

// A broker on the store, until it is stopped again; the history lends its loop and threads.
class OneStart {
 public:
  OneStart(History& history, Store& store)
      : history_(history),
        store_(store),
        broker_({}, {history.loop.clock(), history.random, store, history.commit_thread,
                     history.readers, history.maintenance, [](Instant) {}}) {
    const auto started = broker_.start();
    REQUIRE_MESSAGE(started, started.error().context);
    REQUIRE(history.await(broker_.committer().commit()));
  }
  ~OneStart() {
    broker_.begin_stop();
    history_.await(broker_.stop());
  }

  // It was taken over, and everything of it is there.
  void check(Offset end) {
    CHECK(store_.get(Family::state, kFormatKey).value() == encoded(kFormatVersion));
    const auto report = Verifier(store_).run();
    CHECK_MESSAGE(report.clean(), report.findings.front().text());
    PartitionLog& log = *broker_.topics().find("orders")->partition(0);
    CHECK(log.end() == end);
    CHECK(history_.read(log, 0).starts_with("0=record 0"));
  }
  void append() {
    PartitionLog& log = *broker_.topics().find("orders")->partition(0);
    CHECK(history_.append(log, tests::batch_of({"newer"})).error == wire::ErrorCode::none);
  }

 private:
  History& history_;
  Store& store_;
  Broker broker_;
};

std::unique_ptr<Store> open(const std::string& path) {
  auto store = open_rocks_store({.path = path, .segment_bytes = 1 << 20, .disk_reserve_bytes = 0});
  REQUIRE_MESSAGE(store, store.error().context);
  return std::move(*store);
}

TEST_CASE("a directory of every older format is taken over, and so is its backup") {
  for (std::uint32_t version = kFormatVersionTaken; version <= kFormatVersion; ++version) {
    CAPTURE(version);
    History history;
    const Offset end = history.log("orders", 0).end();
    history.end();
    auto store = history.medium.open();
    WriteBatch batch;
    batch.put(Family::state, kFormatKey, encoded(version));
    REQUIRE(store->write(batch));
    const tests::TempDir folder;
    const std::string backups = folder.path() + "/backups";
    BackupWatch watch;
    REQUIRE(store->backup({.directory = backups}, watch));
    {
      OneStart first(history, *store);
      first.check(end);
      first.append();
    }
    store.reset();
    store = history.medium.open();
    OneStart(history, *store).check(end + 1);
    store.reset();

    const std::string restored = folder.path() + "/restored";
    REQUIRE(restore_backup(backups, std::nullopt, restored));
    store = open(restored);
    CHECK(store->get(Family::state, kFormatKey).value() == encoded(version));
    OneStart(history, *store).check(end);
  }
}

TEST_CASE("other formats are refused, and nothing is changed") {
  for (const std::uint32_t version : {0U, kFormatVersionTaken - 1, kFormatVersion + 1}) {
    CAPTURE(version);
    History history;
    history.end();
    const auto store = history.medium.open();
    WriteBatch batch;
    batch.put(Family::state, kFormatKey, encoded(version));
    REQUIRE(store->write(batch));
    Broker broker({}, {history.loop.clock(), history.random, *store, history.commit_thread,
                       history.readers, history.maintenance, [](Instant) {}});
    const auto started = broker.start();
    REQUIRE_FALSE(started);
    CHECK(started.error().code == Code::unsupported);
    CHECK(store->get(Family::state, kFormatKey).value() == encoded(version));
  }
}

}  // namespace
}  // namespace sluice::broker
