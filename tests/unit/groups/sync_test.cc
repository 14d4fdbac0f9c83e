// SyncGroup: the leader's assignment, who is refused, and the sync barrier's deadline.

#include <doctest/doctest.h>

#include "tests/unit/groups/group_driver.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;

// Two members that have a generation and owe SyncGroup: leader first.
std::vector<std::string> completing(GroupDriver& driver,
                                    std::int32_t rebalance_timeout_ms = 60'000) {
  auto ids = driver.stable(1);
  ids.push_back(driver.join_dynamic({.rebalance_timeout_ms = rebalance_timeout_ms}));
  driver.join({.member_id = ids[0], .rebalance_timeout_ms = rebalance_timeout_ms});
  REQUIRE(driver.state() == "CompletingRebalance");
  REQUIRE(driver.leader() == ids[0]);
  REQUIRE(driver.generation() == 2);
  return ids;
}

TEST_CASE("followers wait for the leader's assignment") {
  GroupDriver driver;
  const auto ids = completing(driver);
  const ReplyToken follower = driver.sync(ids[1], 2);
  CHECK(driver.parked(follower));

  SUBCASE("each gets its own") {
    const ReplyToken leader = driver.sync(ids[0], 2, {{ids[0], "zero"}, {ids[1], "one"}});
    CHECK(driver.synced(follower)->assignment == "one");
    CHECK(driver.synced(leader)->assignment == "zero");
    CHECK(driver.synced(follower)->protocol_name == "range");
    CHECK(driver.synced(follower)->protocol_type == "consumer");
    CHECK(driver.state() == "Stable");
  }
  SUBCASE("who is not mentioned gets nothing; strangers are ignored") {
    driver.sync(ids[0], 2, {{ids[0], "zero"}, {"stranger", "x"}});
    CHECK(driver.result(follower) == "none");
    CHECK(driver.synced(follower)->assignment == "");
    CHECK(driver.members() == 2);
  }
  SUBCASE("a follower's assignments do not count") {
    const ReplyToken again = driver.sync(ids[1], 2, {{ids[1], "mine"}});
    CHECK(driver.result(follower) == "rebalance_in_progress");  // replaced by the one sent again
    CHECK(driver.parked(again));
    driver.sync(ids[0], 2, {{ids[1], "one"}});
    CHECK(driver.synced(again)->assignment == "one");
  }
  SUBCASE("a new member voids the generation and releases them") {
    driver.join_dynamic({});
    CHECK(driver.result(follower) == "rebalance_in_progress");
    CHECK(driver.state() == "PreparingRebalance");
  }
  SUBCASE("the leader leaves: the others start over") {
    driver.leave({{ids[0], {}}});
    CHECK(driver.result(follower) == "rebalance_in_progress");
    CHECK(driver.state() == "PreparingRebalance");
  }
  SUBCASE("the follower leaves while it waits") {
    driver.leave({{ids[1], {}}});
    CHECK(driver.result(follower) == "unknown_member_id");
  }
  SUBCASE("the leader dies: its session ends the wait") {
    driver.advance(10'000);
    CHECK(driver.result(follower) == "rebalance_in_progress");
    CHECK(driver.members() == 1);
    CHECK(driver.leader() == ids[1]);
  }
}

TEST_CASE("a member gets its assignment in Stable too") {
  GroupDriver driver;
  const auto ids = completing(driver);
  driver.sync(ids[0], 2, {{ids[1], "one"}});
  REQUIRE(driver.state() == "Stable");
  CHECK(driver.synced(driver.sync(ids[1], 2))->assignment == "one");
  CHECK(driver.synced(driver.sync(ids[1], 2))->assignment == "one");
}

TEST_CASE("SyncGroup is refused") {
  GroupDriver driver;
  const auto ids = completing(driver);
  CHECK(driver.result(driver.sync("stranger", 2)) == "unknown_member_id");
  CHECK(driver.result(driver.sync(ids[1], 1)) == "illegal_generation");
  CHECK(driver.result(driver.sync(ids[1], 3)) == "illegal_generation");
  CHECK(driver.result(driver.sync(ids[1], 2, {}, "i")) == "unknown_member_id");

  auto sync_with = [&](SyncGroupRequest request) {
    const Actions actions = driver.coordinator.sync(driver.now, request, ReplyToken(900));
    REQUIRE(actions.size() == 1);
    return std::get<SyncGroupResponse>(actions[0].response).error_code;
  };
  CHECK(sync_with({.group_id = "", .member_id = "m"}) == ErrorCode::invalid_group_id);
  CHECK(sync_with({.group_id = "other", .member_id = "m"}) == ErrorCode::unknown_member_id);
  // KIP-559
  CHECK(
      sync_with({.group_id = "g", .generation_id = 2, .member_id = ids[1], .protocol_type = "x"}) ==
      ErrorCode::inconsistent_group_protocol);
  CHECK(sync_with({.group_id = "g",
                   .generation_id = 2,
                   .member_id = ids[1],
                   .protocol_type = "consumer",
                   .protocol_name = "roundrobin"}) == ErrorCode::inconsistent_group_protocol);
}

TEST_CASE("an assignment above the limit is refused and changes nothing") {
  auto options = GroupDriver::quick();
  options.group_metadata_bytes_max = 1'000;
  GroupDriver driver(options);
  const auto ids = completing(driver);
  const ReplyToken follower = driver.sync(ids[1], 2);
  const ReplyToken leader = driver.sync(ids[0], 2, {{ids[1], std::string(1'001, 'x')}});
  CHECK(driver.result(leader) == "message_too_large");
  CHECK(driver.parked(follower));
  driver.sync(ids[0], 2, {{ids[1], std::string(1'000, 'x')}});
  CHECK(driver.result(follower) == "none");
}

TEST_CASE("who does not sync within the rebalance timeout is dropped") {
  GroupDriver driver;
  const auto ids = completing(driver, 30'000);
  auto beat = [&](const std::string& id) {
    for (int i = 0; i < 4; ++i) {
      driver.advance(7'000);
      CHECK(driver.heartbeat(id, 2) == ErrorCode::none);
    }
    driver.advance(1'999);
  };
  SUBCASE("the leader") {
    const ReplyToken follower = driver.sync(ids[1], 2);
    beat(ids[0]);
    CHECK(driver.parked(follower));
    driver.advance(1);
    CHECK(driver.result(follower) == "rebalance_in_progress");
    CHECK(driver.heartbeat(ids[0], 2) == ErrorCode::unknown_member_id);
    CHECK(driver.state() == "PreparingRebalance");
    const ReplyToken again = driver.join({.member_id = ids[1]});
    CHECK(driver.joined(again)->leader == ids[1]);
  }
  SUBCASE("a follower, though the group is Stable") {
    driver.sync(ids[0], 2);
    REQUIRE(driver.state() == "Stable");
    for (int i = 0; i < 4; ++i) {
      driver.advance(7'000);
      CHECK(driver.heartbeat(ids[0], 2) == ErrorCode::none);
      CHECK(driver.heartbeat(ids[1], 2) == ErrorCode::none);
    }
    driver.advance(2'000);
    CHECK(driver.state() == "PreparingRebalance");
    CHECK(driver.members() == 1);
  }
  SUBCASE("nobody synced: the group is empty") {
    for (int i = 0; i < 4; ++i) {
      driver.advance(7'000);
      driver.heartbeat(ids[0], 2);
      driver.heartbeat(ids[1], 2);
    }
    driver.advance(2'000);
    CHECK(driver.state() == "Empty");
  }
  SUBCASE("all synced: nothing happens") {
    driver.sync(ids[1], 2);
    driver.sync(ids[0], 2);
    for (int i = 0; i < 20; ++i) {
      driver.advance(7'000);
      CHECK(driver.heartbeat(ids[0], 2) == ErrorCode::none);
      CHECK(driver.heartbeat(ids[1], 2) == ErrorCode::none);
    }
    CHECK(driver.state() == "Stable");
  }
}

}  // namespace
}  // namespace sluice::broker
