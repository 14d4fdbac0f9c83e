// Static members (KIP-345, KIP-814).

#include <doctest/doctest.h>

#include "tests/unit/groups/group_driver.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;

struct Pair {
  std::string leader;    // instance "a"
  std::string follower;  // instance "b"
};

Pair stable_pair(GroupDriver& driver, std::int32_t session_timeout_ms = 30'000) {
  const ReplyToken a =
      driver.join({.group_instance_id = "a", .session_timeout_ms = session_timeout_ms});
  Pair ids{.leader = driver.joined(a)->member_id, .follower = {}};
  const ReplyToken b =
      driver.join({.group_instance_id = "b", .session_timeout_ms = session_timeout_ms});
  driver.join({.member_id = ids.leader,
               .group_instance_id = "a",
               .session_timeout_ms = session_timeout_ms});
  REQUIRE(driver.result(b) == "none");
  ids.follower = driver.joined(b)->member_id;
  driver.sync(ids.leader, 2, {{ids.leader, "A"}, {ids.follower, "B"}}, "a");
  driver.sync(ids.follower, 2, {}, "b");
  REQUIRE(driver.state() == "Stable");
  REQUIRE(driver.leader() == ids.leader);
  return ids;
}

TEST_CASE("a static member that restarts keeps its assignment without a rebalance") {
  GroupDriver driver;
  const Pair ids = stable_pair(driver);
  CHECK(ids.follower.starts_with("b-"));

  SUBCASE("a follower") {
    const ReplyToken token = driver.join({.group_instance_id = "b"});
    REQUIRE(driver.result(token) == "none");
    const JoinGroupResponse* reply = driver.joined(token);
    CHECK(reply->member_id != ids.follower);
    CHECK(reply->generation_id == 2);
    CHECK(reply->leader == ids.leader);
    CHECK_FALSE(reply->skip_assignment);
    CHECK(reply->members.empty());
    CHECK(driver.state() == "Stable");
    CHECK(driver.synced(driver.sync(reply->member_id, 2, {}, "b"))->assignment == "B");
    CHECK(driver.heartbeat(reply->member_id, 2, "b") == ErrorCode::none);
    // Who still uses the old id is fenced everywhere.
    CHECK(driver.heartbeat(ids.follower, 2, "b") == ErrorCode::fenced_instance_id);
    CHECK(driver.heartbeat(ids.follower, 2) == ErrorCode::unknown_member_id);
    CHECK(driver.commit(ids.follower, 2, false, "b") == ErrorCode::fenced_instance_id);
    CHECK(driver.result(driver.sync(ids.follower, 2, {}, "b")) == "fenced_instance_id");
    CHECK(driver.result(driver.join({.member_id = ids.follower, .group_instance_id = "b"})) ==
          "fenced_instance_id");
    CHECK(driver.leave({{ids.follower, "b"}}) == std::vector{ErrorCode::fenced_instance_id});
    CHECK(driver.state() == "Stable");
  }
  SUBCASE("the leader, version 9: it leads, and is told not to assign (KIP-814)") {
    const ReplyToken token = driver.join({.group_instance_id = "a", .api_version = 9});
    const JoinGroupResponse* reply = driver.joined(token);
    CHECK(reply->leader == reply->member_id);
    CHECK(reply->skip_assignment);
    CHECK(reply->members.size() == 2);
    CHECK(driver.leader() == reply->member_id);
    CHECK(driver.synced(driver.sync(reply->member_id, 2, {}, "a"))->assignment == "A");
  }
  SUBCASE("the leader, version 8: it must not think that it leads") {
    const ReplyToken token = driver.join({.group_instance_id = "a", .api_version = 8});
    const JoinGroupResponse* reply = driver.joined(token);
    CHECK(reply->leader == ids.leader);
    CHECK(reply->member_id != ids.leader);
    CHECK_FALSE(reply->skip_assignment);
    CHECK(reply->members.empty());
    CHECK(driver.leader() == reply->member_id);
  }
  SUBCASE("other metadata but the same protocol: no rebalance either") {
    const ReplyToken token =
        driver.join({.group_instance_id = "b", .protocols = {{"range", "other"}}});
    CHECK(driver.joined(token)->generation_id == 2);
    CHECK(driver.state() == "Stable");
  }
  SUBCASE("no protocol in common") {
    const ReplyToken token = driver.join({.group_instance_id = "b", .protocols = {{"x", ""}}});
    CHECK(driver.result(token) == "inconsistent_group_protocol");
    CHECK(driver.heartbeat(ids.follower, 2, "b") == ErrorCode::none);
  }
  SUBCASE("its session is the new one's") {
    driver.join({.group_instance_id = "b", .session_timeout_ms = 6'000});
    driver.advance(6'000);
    CHECK(driver.members() == 1);
  }
}

TEST_CASE("a restart that changes the chosen protocol rebalances") {
  GroupDriver driver;
  const std::vector<JoinGroupProtocol> both = {{"range", ""}, {"sticky", ""}};
  const ReplyToken a = driver.join({.group_instance_id = "a", .protocols = both});
  const std::string leader = driver.joined(a)->member_id;
  driver.sync(leader, 1, {}, "a");
  const ReplyToken token =
      driver.join({.group_instance_id = "a", .protocols = {{"sticky", ""}, {"range", ""}}});
  CHECK(driver.result(token) == "none");
  CHECK(driver.joined(token)->generation_id == 2);
  CHECK(driver.joined(token)->protocol_name == "sticky");
}

TEST_CASE("two processes with one instance id: the later one stays") {
  GroupDriver driver;
  const Pair ids = stable_pair(driver);
  // A rebalance is on, both are parked.
  driver.join({.member_id = ids.leader, .group_instance_id = "a"});
  const ReplyToken first = driver.join({.group_instance_id = "c"});
  REQUIRE(driver.parked(first));
  const ReplyToken second = driver.join({.group_instance_id = "c"});
  CHECK(driver.result(first) == "fenced_instance_id");
  CHECK(driver.parked(second));
  driver.join({.member_id = ids.follower, .group_instance_id = "b"});
  CHECK(driver.result(second) == "none");
  CHECK(driver.members() == 3);
}

TEST_CASE("a restart while the assignment is awaited starts a new generation") {
  GroupDriver driver;
  const Pair ids = stable_pair(driver);
  const ReplyToken leader = driver.join({.member_id = ids.leader, .group_instance_id = "a"});
  driver.join({.member_id = ids.follower, .group_instance_id = "b"});
  REQUIRE(driver.result(leader) == "none");
  REQUIRE(driver.state() == "CompletingRebalance");
  const ReplyToken waiting = driver.sync(ids.follower, 3, {}, "b");
  const ReplyToken restarted = driver.join({.group_instance_id = "b"});
  CHECK(driver.result(waiting) == "fenced_instance_id");
  CHECK(driver.state() == "PreparingRebalance");
  CHECK(driver.parked(restarted));
  driver.join({.member_id = ids.leader, .group_instance_id = "a"});
  CHECK(driver.joined(restarted)->generation_id == 4);
}

TEST_CASE("a missing static member is kept until its session runs out") {
  GroupDriver driver;
  const Pair ids = stable_pair(driver, 120'000);
  const ReplyToken newcomer = driver.join({.group_instance_id = "c"});
  SUBCASE("some joined: the generation starts with it as a member") {
    const ReplyToken b = driver.join({.member_id = ids.follower, .group_instance_id = "b"});
    driver.advance(60'000);
    CHECK(driver.result(newcomer) == "none");
    CHECK(driver.result(b) == "none");
    CHECK(driver.members() == 3);
    // The leader did not join, so another one leads.
    CHECK(driver.joined(b)->leader != ids.leader);
    CHECK(driver.state() == "CompletingRebalance");
  }
  SUBCASE("nobody joined: the barrier waits on, the sessions end it") {
    driver.leave({{driver.coordinator.find("g")->members().all().rbegin()->first, {}}});
    driver.advance(119'999);
    CHECK(driver.state() == "PreparingRebalance");
    driver.advance(1);
    CHECK(driver.state() == "Empty");
  }
}

TEST_CASE("a rebalance timeout of 0 does not spin") {
  GroupDriver driver;
  const ReplyToken a = driver.join({.group_instance_id = "a", .rebalance_timeout_ms = 0});
  const std::string first = driver.joined(a)->member_id;
  driver.sync(first, 1, {}, "a");
  const ReplyToken b = driver.join({.group_instance_id = "b", .rebalance_timeout_ms = 0});
  driver.leave({{"", "b"}});
  CHECK(driver.result(b) == "unknown_member_id");
  // Only "a" is left, and it does not come.
  driver.take(driver.coordinator.expire(driver.now));
  CHECK(driver.state() == "PreparingRebalance");
  CHECK(driver.coordinator.next_deadline() > driver.now);
  driver.advance(10'000);
  CHECK(driver.state() == "Empty");
}

TEST_CASE("an operator removes static members by their instance ids") {
  GroupDriver driver;
  const Pair ids = stable_pair(driver);
  CHECK(driver.leave({{"", "b"}, {"", "nobody"}, {ids.leader, "a"}}) ==
        std::vector{ErrorCode::none, ErrorCode::unknown_member_id, ErrorCode::none});
  CHECK(driver.state() == "Empty");
  CHECK(driver.generation() == 3);
}

TEST_CASE("an unknown instance id with a member id is not known") {
  GroupDriver driver;
  const Pair ids = stable_pair(driver);
  CHECK(driver.heartbeat(ids.follower, 2, "nobody") == ErrorCode::unknown_member_id);
  CHECK(driver.result(driver.join({.member_id = ids.follower, .group_instance_id = "nobody"})) ==
        "unknown_member_id");
}

}  // namespace
}  // namespace sluice::broker
