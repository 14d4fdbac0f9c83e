// JoinGroup: admission, the join barrier, the choice of protocol and leader.

#include <doctest/doctest.h>

#include <limits>

#include "tests/unit/groups/group_driver.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;

TEST_CASE("a first join is refused when it breaks a rule") {
  struct Row {
    const char* given;
    Joining when;
    const char* then;
  };
  const Row rows[] = {
      {"empty group id", {.group_id = ""}, "invalid_group_id"},
      {"group id above the limit", {.group_id = std::string(1025, 'g')}, "invalid_group_id"},
      {"session below the minimum", {.session_timeout_ms = 5'999}, "invalid_session_timeout"},
      {"session above the maximum", {.session_timeout_ms = 1'800'001}, "invalid_session_timeout"},
      {"negative session", {.session_timeout_ms = -1}, "invalid_session_timeout"},
      {"unknown group with a member id", {.member_id = "m"}, "unknown_member_id"},
      {"no protocols", {.protocols = {}}, "inconsistent_group_protocol"},
      {"no protocol type", {.protocol_type = ""}, "inconsistent_group_protocol"},
      {"version 4 and no id (KIP-394)", {.api_version = 4}, "member_id_required"},
      {"version 3 and no id", {.api_version = 3}, "none"},
      {"version 0, no rebalance timeout", {.rebalance_timeout_ms = -1, .api_version = 0}, "none"},
      {"a static member needs no id", {.group_instance_id = "i"}, "none"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.given);
    GroupDriver driver;
    CHECK(driver.result(driver.join(row.when)) == row.then);
  }
}

TEST_CASE("KIP-394: the id that was handed out is joined with, once, within the session timeout") {
  GroupDriver driver;
  const ReplyToken asked = driver.join({});
  const JoinGroupResponse* reply = driver.joined(asked);
  CHECK(reply->member_id.starts_with("client-"));
  CHECK(reply->member_id.size() == 7 + 36);
  CHECK(reply->generation_id == -1);
  CHECK(driver.state() == "Empty");

  SUBCASE("in time") {
    driver.advance(9'999);
    const ReplyToken token = driver.join({.member_id = reply->member_id});
    CHECK(driver.result(token) == "none");
    CHECK(driver.joined(token)->leader == reply->member_id);
  }
  SUBCASE("too late") {
    driver.advance(10'000);
    CHECK(driver.result(driver.join({.member_id = reply->member_id})) == "unknown_member_id");
  }
  SUBCASE("with an instance id it is not the one") {
    const ReplyToken token = driver.join({.member_id = reply->member_id, .group_instance_id = "i"});
    CHECK(driver.result(token) == "unknown_member_id");
  }
  SUBCASE("a pending member may leave") {
    CHECK(driver.leave({{reply->member_id, {}}}) == std::vector{ErrorCode::none});
    CHECK(driver.result(driver.join({.member_id = reply->member_id})) == "unknown_member_id");
  }
}

TEST_CASE("a pending member holds the barrier back, and its expiry or leaving releases it") {
  GroupDriver driver;
  const auto ids = driver.stable(1);
  const ReplyToken asked = driver.join({});  // pending from here on
  const ReplyToken again = driver.join({.member_id = ids[0]});
  CHECK(driver.parked(again));
  SUBCASE("expiry") {
    driver.advance(9'999);
    CHECK(driver.parked(again));
    driver.advance(1);
    CHECK(driver.result(again) == "none");
  }
  SUBCASE("leaving") {
    driver.leave({{driver.joined(asked)->member_id, {}}});
    CHECK(driver.result(again) == "none");
  }
  SUBCASE("joining") {
    const ReplyToken second = driver.join({.member_id = driver.joined(asked)->member_id});
    CHECK(driver.result(again) == "none");
    CHECK(driver.result(second) == "none");
    CHECK(driver.generation() == 2);
  }
  CHECK(driver.state() == "CompletingRebalance");
}

TEST_CASE("the first rebalance waits, longer while members arrive, up to the rebalance timeout") {
  GroupDriver driver(GroupDriver::patient());
  ReplyToken first;
  driver.join_dynamic({.rebalance_timeout_ms = 10'000}, &first);
  CHECK(driver.state() == "PreparingRebalance");

  SUBCASE("alone: the initial delay") {
    driver.advance(2'999);
    CHECK(driver.parked(first));
    driver.advance(1);
    CHECK(driver.result(first) == "none");
  }
  SUBCASE("one more: one more delay, and all are in one generation") {
    driver.advance(2'000);
    ReplyToken second;
    driver.join_dynamic({.rebalance_timeout_ms = 10'000}, &second);
    driver.advance(3'999);
    CHECK(driver.parked(first));
    CHECK(driver.parked(second));
    driver.advance(1);
    CHECK(driver.result(first) == "none");
    CHECK(driver.result(second) == "none");
    CHECK(driver.generation() == 1);
    CHECK(driver.members() == 2);
  }
  SUBCASE("more and more: the rebalance timeout ends it") {
    for (int i = 0; i < 9; ++i) {
      driver.advance(1'000);
      driver.join_dynamic({.rebalance_timeout_ms = 10'000});
    }
    driver.advance(999);
    CHECK(driver.parked(first));
    driver.advance(1);
    CHECK(driver.result(first) == "none");
    CHECK(driver.members() == 10);
  }
  SUBCASE("all leave: the group is empty again") {
    const std::string id = driver.leader();
    driver.leave({{id, {}}});
    CHECK(driver.result(first) == "unknown_member_id");
    driver.advance(3'000);
    CHECK(driver.state() == "Empty");
  }
}

TEST_CASE("a later rebalance waits for all known members, then drops the missing") {
  GroupDriver driver;
  const auto ids = driver.stable(3);
  ReplyToken newcomer;
  const std::string fourth = driver.join_dynamic(
      {.session_timeout_ms = 120'000, .rebalance_timeout_ms = 60'000}, &newcomer);
  CHECK(driver.state() == "PreparingRebalance");
  CHECK(driver.heartbeat(ids[1], driver.generation()) == ErrorCode::rebalance_in_progress);

  SUBCASE("all come") {
    const ReplyToken a = driver.join({.member_id = ids[0]});
    const ReplyToken b = driver.join({.member_id = ids[1]});
    CHECK(driver.parked(a));
    const ReplyToken c = driver.join({.member_id = ids[2]});
    for (const ReplyToken token : {newcomer, a, b, c}) {
      CHECK(driver.result(token) == "none");
      CHECK(driver.joined(token)->generation_id == 4);
      CHECK(driver.joined(token)->leader == ids[0]);
      CHECK(driver.joined(token)->protocol_name == "range");
      CHECK(driver.joined(token)->protocol_type == "consumer");
      CHECK_FALSE(driver.joined(token)->skip_assignment);
    }
    // The leader alone sees the members.
    CHECK(driver.joined(a)->members.size() == 4);
    CHECK(driver.joined(a)->members[0].metadata == "m");
    CHECK(driver.joined(b)->members.empty());
  }
  SUBCASE("one heartbeats but never joins: it is out after the rebalance timeout") {
    const ReplyToken a = driver.join({.member_id = ids[0]});
    const ReplyToken b = driver.join({.member_id = ids[1]});
    for (int i = 0; i < 11; ++i) {
      driver.advance(5'000);
      CHECK(driver.heartbeat(ids[2], 3) == ErrorCode::rebalance_in_progress);
    }
    driver.advance(4'999);
    CHECK(driver.parked(a));
    driver.advance(1);
    CHECK(driver.result(a) == "none");
    CHECK(driver.result(b) == "none");
    CHECK(driver.members() == 3);
    CHECK(driver.heartbeat(ids[2], 4) == ErrorCode::unknown_member_id);
  }
  SUBCASE("the leader is missing: another one leads") {
    const ReplyToken b = driver.join({.member_id = ids[1]});
    const ReplyToken c = driver.join({.member_id = ids[2]});
    driver.advance(10'000);  // its session
    CHECK(driver.result(b) == "none");
    CHECK(driver.joined(b)->leader != ids[0]);
    CHECK(driver.joined(b)->leader == driver.joined(c)->leader);
    const ReplyToken of_leader = driver.leader() == ids[1]   ? b
                                 : driver.leader() == ids[2] ? c
                                                             : newcomer;
    CHECK(driver.joined(of_leader)->members.size() == 3);
  }
  SUBCASE("members that wait in JoinGroup do not expire") {
    const ReplyToken b = driver.join({.member_id = ids[1]});
    for (int i = 0; i < 5; ++i) {
      driver.advance(9'000);
      driver.heartbeat(ids[0], 3);
      driver.heartbeat(ids[2], 3);
    }
    CHECK(driver.parked(b));
    CHECK(driver.members() == 4);
    CHECK(driver.parked(newcomer));
  }
}

TEST_CASE("who joins a Stable group again") {
  GroupDriver driver;
  const auto ids = driver.stable(2);
  SUBCASE("a follower with the same metadata: the current generation, no rebalance") {
    const ReplyToken token = driver.join({.member_id = ids[1]});
    CHECK(driver.result(token) == "none");
    CHECK(driver.joined(token)->generation_id == 2);
    CHECK(driver.joined(token)->leader == ids[0]);
    CHECK(driver.joined(token)->members.empty());
    CHECK(driver.state() == "Stable");
  }
  SUBCASE("a follower with other metadata: a rebalance") {
    const ReplyToken token = driver.join({.member_id = ids[1], .protocols = {{"range", "new"}}});
    CHECK(driver.parked(token));
    CHECK(driver.state() == "PreparingRebalance");
    const ReplyToken leader = driver.join({.member_id = ids[0]});
    CHECK(driver.joined(leader)->members.size() == 2);
    CHECK(driver.joined(token)->generation_id == 3);
  }
  SUBCASE("the leader: a rebalance") {
    const ReplyToken token = driver.join({.member_id = ids[0]});
    CHECK(driver.parked(token));
    CHECK(driver.state() == "PreparingRebalance");
  }
  SUBCASE("an unknown member") {
    CHECK(driver.result(driver.join({.member_id = "stranger"})) == "unknown_member_id");
    CHECK(driver.state() == "Stable");
  }
  SUBCASE("another protocol type") {
    const ReplyToken token = driver.join({.protocol_type = "connect"});
    CHECK(driver.result(token) == "inconsistent_group_protocol");
  }
  SUBCASE("no protocol in common") {
    const ReplyToken token = driver.join({.protocols = {{"sticky", ""}}});
    CHECK(driver.result(token) == "inconsistent_group_protocol");
    CHECK(driver.joined(token)->member_id == "");
  }
}

TEST_CASE("who joins while the assignment is awaited") {
  GroupDriver driver;
  ReplyToken first;
  const std::string leader = driver.join_dynamic({}, &first);
  REQUIRE(driver.state() == "CompletingRebalance");
  SUBCASE("the same again: its answer was lost") {
    const ReplyToken token = driver.join({.member_id = leader});
    CHECK(driver.joined(token)->generation_id == 1);
    CHECK(driver.joined(token)->members.size() == 1);
    CHECK(driver.state() == "CompletingRebalance");
  }
  SUBCASE("other metadata: a new generation") {
    const ReplyToken token = driver.join({.member_id = leader, .protocols = {{"range", "new"}}});
    CHECK(driver.joined(token)->generation_id == 2);
    CHECK(driver.joined(token)->members[0].metadata == "new");
  }
  SUBCASE("a new member: the old generation is void") {
    ReplyToken second;
    driver.join_dynamic({}, &second);
    CHECK(driver.state() == "PreparingRebalance");
    CHECK(driver.parked(second));
    CHECK(driver.result(driver.sync(leader, 1)) == "rebalance_in_progress");
  }
}

TEST_CASE("a JoinGroup that is sent again replaces the parked one") {
  GroupDriver driver;
  const auto ids = driver.stable(2);
  const ReplyToken lost = driver.join({.member_id = ids[0]});
  const ReplyToken again = driver.join({.member_id = ids[0]});
  CHECK(driver.result(lost) == "rebalance_in_progress");
  CHECK(driver.parked(again));
  driver.join({.member_id = ids[1]});
  CHECK(driver.result(again) == "none");
}

TEST_CASE("the protocol is chosen by vote among those that all support") {
  using Protocols = std::vector<JoinGroupProtocol>;
  struct Row {
    const char* given;
    std::vector<Protocols> members;  // the first leads
    const char* then;
  };
  const Row rows[] = {
      {"one member: its first", {{{"a", ""}, {"b", ""}}}, "a"},
      {"the one in common", {{{"a", ""}, {"b", ""}}, {{"b", ""}, {"c", ""}}}, "b"},
      {"the majority",
       {{{"a", ""}, {"b", ""}}, {{"b", ""}, {"a", ""}}, {{"b", ""}, {"a", ""}}},
       "b"},
      {"a tie: what the leader prefers", {{{"b", ""}, {"a", ""}}, {{"a", ""}, {"b", ""}}}, "b"},
      {"votes go to common ones only",
       {{{"x", ""}, {"a", ""}, {"b", ""}},
        {{"x", ""}, {"b", ""}, {"a", ""}},
        {{"b", ""}, {"a", ""}}},
       "b"},
      {"a name that comes twice counts once", {{{"a", ""}, {"a", ""}}, {{"a", ""}}}, "a"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.given);
    GroupDriver driver(GroupDriver::patient());
    ReplyToken first;
    for (std::size_t i = 0; i < row.members.size(); ++i) {
      driver.join_dynamic({.protocols = row.members[i]}, i == 0 ? &first : nullptr);
    }
    driver.advance(10'000);
    REQUIRE(driver.result(first) == "none");
    CHECK(driver.joined(first)->protocol_name == row.then);
    CHECK(driver.joined(first)->leader == driver.joined(first)->member_id);
  }
}

TEST_CASE("limits of a group") {
  SUBCASE("members: the one too many is told so") {
    auto options = GroupDriver::quick();
    options.group_members_max = 2;
    GroupDriver driver(options);
    const auto ids = driver.stable(2);
    const ReplyToken token = driver.join({});
    CHECK(driver.result(token) == "group_max_size_reached");
    CHECK(driver.joined(token)->member_id == "");
    CHECK(driver.state() == "Stable");
    // The members themselves go on.
    CHECK(driver.result(driver.join({.member_id = ids[1]})) == "none");
  }
  SUBCASE("the last to come back into an oversized rebalance is shed") {
    auto options = GroupDriver::quick();
    options.group_members_max = 2;
    GroupDriver driver(options);
    const auto ids = driver.stable(2);
    const ReplyToken a = driver.join({.member_id = ids[0]});
    ReplyToken third;
    const std::string newcomer = driver.join_dynamic({}, &third);  // a and this one: full
    const ReplyToken late = driver.join({.member_id = ids[1]});
    CHECK(driver.result(late) == "group_max_size_reached");
    CHECK(driver.result(a) == "none");
    CHECK(driver.result(third) == "none");
    CHECK(driver.members() == 2);
  }
  SUBCASE("pending ids") {
    auto options = GroupDriver::quick();
    options.group_members_max = 3;
    GroupDriver driver(options);
    for (int i = 0; i < 3; ++i) CHECK(driver.result(driver.join({})) == "member_id_required");
    CHECK(driver.result(driver.join({})) == "group_max_size_reached");
    driver.advance(10'000);
    CHECK(driver.result(driver.join({})) == "member_id_required");
  }
  SUBCASE("bytes") {
    auto options = GroupDriver::quick();
    options.group_metadata_bytes_max = 1'000;
    GroupDriver driver(options);
    const std::string metadata(600, 'x');
    const Joining big{.group_instance_id = "i", .protocols = {{"range", metadata}}};
    const ReplyToken first = driver.join(big);
    CHECK(driver.result(first) == "none");
    const ReplyToken other = driver.join({.group_instance_id = "j", .protocols = big.protocols});
    CHECK(driver.result(other) == "message_too_large");
    // What a member brings again replaces what it had.
    Joining again = big;
    again.member_id = driver.joined(first)->member_id;
    CHECK(driver.result(driver.join(again)) == "none");
  }
}

TEST_CASE("a new member that is never answered is dropped after five minutes") {
  GroupDriver driver;
  const auto ids = driver.stable(1);
  const ReplyToken token = driver.join({.rebalance_timeout_ms = 3'600'000, .api_version = 3});
  REQUIRE(driver.parked(token));
  for (int i = 0; i < 37; ++i) {
    driver.heartbeat(ids[0], 1);
    driver.advance(8'000);
  }
  CHECK(driver.parked(token));
  driver.heartbeat(ids[0], 1);
  driver.advance(4'000);
  CHECK(driver.result(token) == "unknown_member_id");
  CHECK(driver.joined(token)->member_id == "");
}

TEST_CASE("the longest rebalance timeout counts; version 0 has the session's") {
  GroupDriver driver;
  const ReplyToken first =
      driver.join({.session_timeout_ms = 20'000, .rebalance_timeout_ms = -1, .api_version = 0});
  const std::string leader = driver.joined(first)->member_id;
  driver.sync(leader, 1);
  const ReplyToken second =
      driver.join({.session_timeout_ms = 20'000, .rebalance_timeout_ms = 7'000, .api_version = 3});
  for (int i = 0; i < 19; ++i) {
    driver.advance(1'000);
    driver.heartbeat(leader, 1);
  }
  CHECK(driver.parked(second));
  driver.advance(1'000);
  CHECK(driver.result(second) == "none");
}

}  // namespace
}  // namespace sluice::broker
