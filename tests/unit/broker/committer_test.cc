#include "broker/log/committer.h"

#include "tests/unit/broker/log_bench.h"

namespace sluice::broker {
namespace {

using Bench = tests::LogBench<tests::SimMedium>;

std::string value_of(Bench& bench, Family family, ByteView key) {
  const auto value = bench.store().get(family, key);
  REQUIRE(value);
  return value->value_or("(none)");
}

TEST_CASE("whatever is staged while one write runs joins the next") {
  Bench bench;
  std::vector<Task<Result<void>>> commits;
  for (int i = 0; i < 50; ++i) {
    bench.committer().put("k" + std::to_string(i), "v");
    commits.push_back(bench.committer().commit());
  }
  for (auto& commit : commits) {
    CHECK(bench.await(std::move(commit)));
  }
  CHECK(bench.medium.disk().writes() == 2);  // the first alone, the others together
  CHECK(bench.committer().stats().commits == 2);
  CHECK(bench.committer().stats().requests == 50);
  CHECK(value_of(bench, Family::state, "k49") == "v");
}

TEST_CASE("each write is told, with its size and time") {
  Bench bench;
  std::vector<std::size_t> told;
  bench.committer().on_write([&](std::size_t bytes, std::chrono::nanoseconds took) {
    told.push_back(bytes);
    CHECK(took >= std::chrono::nanoseconds(0));
  });
  bench.committer().put("k", "value");
  CHECK(bench.await(bench.committer().commit()));
  bench.medium.disk().fail_next_write();
  bench.committer().put("k", "v");
  CHECK_FALSE(bench.await(bench.committer().commit()));
  CHECK(told == std::vector<std::size_t>{6, 2});
}

TEST_CASE("a commit with nothing staged waits for what was staged before") {
  Bench bench;
  bench.committer().put("a", "1");
  auto first = bench.committer().commit();
  auto second = bench.committer().commit();
  CHECK(bench.await(std::move(second)));
  CHECK(first.done());
  CHECK(first.take());
}

TEST_CASE("a commit with nothing staged costs no write") {
  Bench bench;
  CHECK(bench.committer().commit().take());
  bench.committer().put("a", "1");
  auto first = bench.committer().commit();
  auto second = bench.committer().commit();
  CHECK_FALSE(second.done());
  CHECK(bench.await(std::move(first)));
  CHECK(second.take());
  CHECK(bench.medium.disk().writes() == 1);
  CHECK(bench.committer().commit().take());
  CHECK(bench.medium.disk().writes() == 1);
}

TEST_CASE("the last value of a state key wins") {
  Bench bench;
  bench.committer().put("a", "1");
  bench.committer().erase("a");
  bench.committer().put("b", "1");
  bench.committer().put("b", "2");
  bench.committer().put("c", "1");
  bench.committer().erase("c");
  bench.committer().put("c", "3");
  REQUIRE(bench.await(bench.committer().commit()));
  CHECK(value_of(bench, Family::state, "a") == "(none)");
  CHECK(value_of(bench, Family::state, "b") == "2");
  CHECK(value_of(bench, Family::state, "c") == "3");
}

TEST_CASE("appends of one commit to one partition are one value, up to a size") {
  Bench bench;
  // A write is under way, so that the appends are staged together.
  auto first = bench.committer().commit();
  for (Offset i = 0; i < 10; ++i) bench.committer().append(1, i, Buffer(100, 'a'));
  bench.committer().append(2, 0, Buffer(100, 'b'));
  bench.committer().append(1, 10, Buffer(300 << 10, 'c'));
  bench.committer().append(1, 11, "d");
  REQUIRE(bench.await(bench.committer().commit()));
  CHECK(first.done());
  const auto& keys = bench.medium.disk().keys(Family::log);
  CHECK(keys.size() == 4);
  CHECK(keys.at(log_key(0, 1, 9)) == Buffer(1'000, 'a'));
  CHECK(keys.at(log_key(0, 1, 10)).size() == 300 << 10);
  CHECK(keys.at(log_key(0, 1, 11)) == "d");
  CHECK(keys.at(log_key(0, 2, 0)) == Buffer(100, 'b'));
}

TEST_CASE("above its limit the committer makes callers wait for room") {
  Bench bench;
  bench.close();
  bench.committer_options.staged_bytes_max = 1'000;
  bench.reopen();
  CHECK_FALSE(bench.committer().full());
  auto running = bench.committer().commit();
  bench.committer().append(1, 0, Buffer(2'000, 'a'));
  CHECK(bench.committer().full());
  auto waiting = bench.committer().room();
  CHECK_FALSE(waiting.done());
  auto commit = bench.committer().commit();
  bench.await(std::move(waiting));
  CHECK_FALSE(bench.committer().full());
  CHECK(bench.await(std::move(commit)));
  CHECK(running.done());
  bench.await(bench.committer().room());  // nothing to wait for
}

TEST_CASE("after a failed write everything is refused and nobody waits") {
  Bench bench;
  bench.close();
  bench.committer_options.staged_bytes_max = 1'000;
  bench.reopen();
  bench.medium.disk().fail_next_write();
  bench.committer().put("a", "1");
  auto first = bench.committer().commit();
  bench.committer().append(1, 0, Buffer(2'000, 'a'));
  auto second = bench.committer().commit();
  auto room = bench.committer().room();
  CHECK(bench.await(std::move(first)).error().code == Code::storage);
  CHECK(bench.await(std::move(second)).error().code == Code::storage);
  bench.await(std::move(room));
  REQUIRE(bench.committer().failure());
  bench.committer().put("b", "1");
  CHECK(bench.await(bench.committer().commit()).error().code == Code::storage);
  CHECK(bench.medium.disk().keys(Family::state).empty());
  CHECK(bench.medium.disk().keys(Family::log).empty());
}

TEST_CASE("a full disk: whoever waits gets an error, and it is written once there is space") {
  Bench bench;
  auto& committer = bench.committer();
  int caught_up = 0;
  committer.on_caught_up([&] {
    ++caught_up;
    CHECK(committer.refusal() == "");
    CHECK(bench.medium.disk().keys(Family::log).size() == 2);
  });
  bench.medium.disk().fill(true);
  committer.append(1, 0, "does not fit");
  auto first = committer.commit();
  committer.append(1, 1, "staged meanwhile");
  auto second = committer.commit();
  CHECK(bench.await(std::move(first)).error().code == Code::overloaded);
  CHECK(bench.await(std::move(second)).error().code == Code::overloaded);
  CHECK_FALSE(committer.failure());
  CHECK(committer.refusal() != "");
  committer.put("a", "1");  // who does not ask is not answered
  CHECK(bench.await(committer.commit()).error().code == Code::overloaded);
  committer.retry();
  bench.loop.run_dry();
  CHECK(bench.medium.disk().keys(Family::log).empty());

  bench.medium.disk().fill(false);
  committer.retry();
  CHECK(bench.await(committer.commit()).error().code == Code::overloaded);
  bench.loop.run_dry();
  CHECK(caught_up == 1);
  CHECK(bench.medium.disk().keys(Family::log).at(log_key(0, 1, 0)) == "does not fit");
  CHECK(bench.medium.disk().keys(Family::log).at(log_key(0, 1, 1)) == "staged meanwhile");
  CHECK(bench.medium.disk().keys(Family::state).at("a") == "1");
  committer.append(1, 2, "fits");
  CHECK(bench.await(committer.commit()));
}

TEST_CASE("a full disk fills again while it is caught up with") {
  Bench bench;
  auto& committer = bench.committer();
  bench.medium.disk().fill(true);
  committer.append(1, 0, "a");
  auto first = committer.commit();
  committer.append(1, 1, "b");
  CHECK_FALSE(bench.await(std::move(first)));
  bench.medium.disk().fill(false);
  committer.retry();
  bench.loop.run([&] { return bench.medium.disk().writes() == 1; }, 1'000);
  bench.medium.disk().fill(true);
  bench.loop.run_dry();
  CHECK(committer.refusal() != "");
  CHECK(bench.medium.disk().keys(Family::log).size() == 1);
  bench.medium.disk().fill(false);
  committer.retry();
  bench.loop.run_dry();
  CHECK(committer.refusal() == "");
  CHECK(bench.medium.disk().keys(Family::log).size() == 2);
}

TEST_CASE("erasing a partition takes its producers and what is staged of its log, and no other's") {
  Bench bench;
  auto& committer = bench.committer();
  for (const PartitionId id : {1u, 2u, 3u}) {
    committer.append(id, 5, "stored");
    committer.put(producer_key(id, 7), "stored");
    committer.put(partition_key(id), "stored");
  }
  REQUIRE(bench.await(committer.commit()));
  auto running = committer.commit();
  for (const PartitionId id : {1u, 2u, 3u}) {
    committer.append(id, 6, Buffer(300 << 10, 's'));  // sealed by the next
    committer.append(id, 7, "staged");
    committer.put(producer_key(id, 8), "staged");
  }
  committer.erase_partition(2);
  REQUIRE(bench.await(committer.commit()));
  CHECK(running.done());
  const auto& log = bench.medium.disk().keys(Family::log);
  const auto& state = bench.medium.disk().keys(Family::state);
  for (const PartitionId id : {1u, 3u}) {
    CHECK(log.contains(log_key(0, id, 5)));
    CHECK(log.contains(log_key(0, id, 7)));
    CHECK(state.contains(producer_key(id, 7)));
    CHECK(state.contains(producer_key(id, 8)));
    CHECK(state.contains(partition_key(id)));
  }
  // What is in the log already, or sealed, is only forgotten.
  CHECK_FALSE(log.contains(log_key(0, 2, 7)));
  CHECK(log.size() == 8);
  CHECK(state.size() == 6);
}

}  // namespace
}  // namespace sluice::broker
