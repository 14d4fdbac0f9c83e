// The set of groups: what exists, what is listed and described, what goes, and the limits.

#include "broker/groups/coordinator.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "broker/groups/deadlines.h"
#include "tests/unit/groups/group_driver.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;

TEST_CASE("describe") {
  GroupDriver driver;
  SUBCASE("an unknown group is Dead") {
    const DescribedGroup group = driver.coordinator.describe("nobody");
    CHECK(group.error_code == ErrorCode::group_id_not_found);
    CHECK(group.group_id == "nobody");
    CHECK(group.group_state == "Dead");
    CHECK(group.members.empty());
  }
  SUBCASE("a Stable group shows metadata and assignments") {
    const auto ids = driver.stable(2);
    const DescribedGroup group = driver.coordinator.describe("g");
    CHECK(group.error_code == ErrorCode::none);
    CHECK(group.group_state == "Stable");
    CHECK(group.protocol_type == "consumer");
    CHECK(group.protocol_data == "range");
    REQUIRE(group.members.size() == 2);
    for (const auto& member : group.members) {
      CHECK(member.client_id == "client");
      CHECK(member.client_host == "/127.0.0.1");
      CHECK(member.member_metadata == "m");
      CHECK(member.member_assignment == member.member_id);
      CHECK_FALSE(member.group_instance_id);
    }
  }
  SUBCASE("otherwise the members alone") {
    const auto ids = driver.stable(2);
    driver.join({.member_id = ids[0]});
    const DescribedGroup group = driver.coordinator.describe("g");
    CHECK(group.group_state == "PreparingRebalance");
    CHECK(group.protocol_data == "");
    REQUIRE(group.members.size() == 2);
    CHECK(group.members[0].member_metadata == "");
  }
}

std::vector<std::string> ids_of(std::vector<ListedGroup> groups) {
  std::vector<std::string> ids;
  for (const ListedGroup& group : groups) ids.push_back(group.group_id);
  std::ranges::sort(ids);
  return ids;
}

TEST_CASE("list filters by state and type") {
  using Ids = std::vector<std::string>;
  GroupDriver driver;
  driver.stable(1);
  driver.join({.api_version = 3, .protocol_type = "connect", .group_id = "h"});
  driver.coordinator.restore_empty(driver.now, "i", "consumer");
  CHECK(ids_of(driver.coordinator.list()) == Ids{"g", "h", "i"});
  CHECK(ids_of(driver.coordinator.list({"Stable"})) == Ids{"g"});
  CHECK(ids_of(driver.coordinator.list({"stable", "empty"})) == Ids{"g", "i"});
  CHECK(ids_of(driver.coordinator.list({"Dead"})) == Ids{});
  CHECK(ids_of(driver.coordinator.list({}, {"Classic"})) == Ids{"g", "h", "i"});
  CHECK(ids_of(driver.coordinator.list({}, {"consumer"})) == Ids{});
  const auto listed = driver.coordinator.list({"CompletingRebalance"});
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].protocol_type == "connect");
  CHECK(listed[0].group_type == "classic");
}

TEST_CASE("delete") {
  GroupDriver driver;
  CHECK(driver.coordinator.delete_group("g") == ErrorCode::group_id_not_found);
  const auto ids = driver.stable(1);
  CHECK(driver.coordinator.delete_group("g") == ErrorCode::non_empty_group);
  driver.leave({{ids[0], {}}});
  CHECK(driver.coordinator.delete_group("g") == ErrorCode::none);
  CHECK(driver.state() == "Dead");
  CHECK(driver.coordinator.next_deadline() == Instant::never());
}

TEST_CASE("an empty group goes by itself, unless it has offsets") {
  GroupDriver driver;
  const auto ids = driver.stable(1);
  SUBCASE("without offsets") {
    driver.leave({{ids[0], {}}});
    driver.advance(599'999);
    CHECK(driver.state() == "Empty");
    driver.advance(1);
    CHECK(driver.state() == "Dead");
    CHECK(driver.coordinator.groups() == 0);
  }
  SUBCASE("with offsets") {
    CHECK(driver.commit(ids[0], 1) == ErrorCode::none);
    driver.coordinator.restore_empty(driver.now, "g", "");
    driver.leave({{ids[0], {}}});
    driver.advance(86'400'000);
    CHECK(driver.state() == "Empty");
    CHECK(driver.coordinator.describe("g").protocol_type == "consumer");
    driver.coordinator.forget_offsets(driver.now, "g");
    driver.advance(600'000);
    CHECK(driver.state() == "Dead");
  }
  SUBCASE("a pending member keeps it") {
    driver.leave({{ids[0], {}}});
    driver.advance(599'000);
    const ReplyToken asked = driver.join({});
    driver.advance(9'999);
    CHECK(driver.state() == "Empty");
    CHECK(driver.result(driver.join({.member_id = driver.joined(asked)->member_id})) == "none");
  }
  SUBCASE("one that never got a member") {
    driver.join({.group_id = "h"});
    driver.advance(610'000);
    CHECK(driver.state("h") == "Dead");
  }
}

TEST_CASE("after a restart: offsets are there, members are not") {
  GroupDriver driver;
  driver.coordinator.restore_empty(driver.now, "g", "consumer");
  CHECK(driver.state() == "Empty");
  CHECK(driver.heartbeat("old", 7) == ErrorCode::unknown_member_id);
  CHECK(driver.commit("old", 7) == ErrorCode::unknown_member_id);
  CHECK(driver.result(driver.sync("old", 7)) == "unknown_member_id");
  CHECK(driver.result(driver.join({.member_id = "old"})) == "unknown_member_id");
  CHECK(driver.result(driver.join({})) == "member_id_required");
}

TEST_CASE("groups_max") {
  auto options = GroupDriver::quick();
  options.groups_max = 2;
  GroupDriver driver(options);
  CHECK(driver.result(driver.join({.group_id = "a"})) == "member_id_required");
  CHECK(driver.result(driver.join({.group_id = "b"})) == "member_id_required");
  CHECK(driver.result(driver.join({.group_id = "c"})) == "coordinator_not_available");
  CHECK(driver.commit("", -1) == ErrorCode::coordinator_not_available);
  // What has offsets on disk exists, whatever the limit.
  driver.coordinator.restore_empty(driver.now, "d", "");
  CHECK(driver.coordinator.groups() == 3);
  driver.advance(610'000);
  CHECK(driver.coordinator.groups() == 1);
  CHECK(driver.result(driver.join({.group_id = "c"})) == "member_id_required");
}

TEST_CASE("shut_down answers all that is parked") {
  GroupDriver driver;
  const auto ids = driver.stable(2);
  const ReplyToken join = driver.join({.member_id = ids[0]});
  REQUIRE(driver.parked(join));
  driver.take(driver.coordinator.shut_down(driver.now, ErrorCode::coordinator_not_available));
  CHECK(driver.result(join) == "coordinator_not_available");
  CHECK(driver.state() == "Empty");
  CHECK(driver.members() == 0);
}

TEST_CASE("deadlines: moved later lazily, earlier at once") {
  Deadlines<std::string> deadlines;
  auto at = [](int ms) { return Instant{Millis(ms)}; };
  CHECK(deadlines.next() == Instant::never());
  deadlines.set("a", at(10));
  deadlines.set("b", at(20));
  deadlines.set("a", at(30));
  CHECK(deadlines.next() == at(10));  // early
  CHECK_FALSE(deadlines.pop_first(at(10)));
  CHECK(deadlines.next() == at(20));
  deadlines.set("a", at(15));
  CHECK(deadlines.next() == at(15));
  CHECK(deadlines.pop_first(at(15)) == "a");
  deadlines.set("b", Instant::never());
  CHECK(deadlines.next() == Instant::never());
  CHECK(deadlines.due("b") == Instant::never());
  deadlines.cancel("nobody");
}

}  // namespace
}  // namespace sluice::broker
