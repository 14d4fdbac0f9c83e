// Heartbeats, sessions, leaving and the right to commit.

#include <doctest/doctest.h>

#include "tests/unit/groups/group_driver.h"

namespace sluice::broker {
namespace {

using wire::ErrorCode;
using Errors = std::vector<ErrorCode>;

TEST_CASE("heartbeat") {
  GroupDriver driver;
  CHECK(driver.heartbeat("m", 1) == ErrorCode::unknown_member_id);  // no such group
  CHECK(driver.coordinator.heartbeat(driver.now, {"", 1, "m", {}}).error_code ==
        ErrorCode::invalid_group_id);
  const auto ids = driver.stable(2);
  CHECK(driver.heartbeat(ids[0], 2) == ErrorCode::none);
  CHECK(driver.heartbeat("stranger", 2) == ErrorCode::unknown_member_id);
  CHECK(driver.heartbeat(ids[0], 1) == ErrorCode::illegal_generation);
  CHECK(driver.heartbeat(ids[0], -1) == ErrorCode::illegal_generation);
  driver.join({.member_id = ids[0]});
  CHECK(driver.heartbeat(ids[1], 2) == ErrorCode::rebalance_in_progress);
  driver.join({.member_id = ids[1]});
  // In CompletingRebalance too it says that the member lives, and no more.
  CHECK(driver.state() == "CompletingRebalance");
  CHECK(driver.heartbeat(ids[1], 3) == ErrorCode::none);
}

TEST_CASE("a member without heartbeats is dropped after its session timeout") {
  GroupDriver driver;
  const auto ids = driver.stable(2);
  driver.advance(9'000);
  CHECK(driver.heartbeat(ids[0], 2) == ErrorCode::none);
  driver.advance(999);
  CHECK(driver.state() == "Stable");
  driver.advance(1);
  CHECK(driver.state() == "PreparingRebalance");
  CHECK(driver.members() == 1);
  CHECK(driver.heartbeat(ids[1], 2) == ErrorCode::unknown_member_id);
  CHECK(driver.heartbeat(ids[0], 2) == ErrorCode::rebalance_in_progress);
}

TEST_CASE("a commit and a sync are signs of life") {
  GroupDriver driver;
  const auto ids = driver.stable(1);
  for (int i = 0; i < 5; ++i) {
    driver.advance(9'000);
    CHECK(driver.commit(ids[0], 1) == ErrorCode::none);
    driver.advance(9'000);
    CHECK(driver.result(driver.sync(ids[0], 1)) == "none");
  }
  driver.advance(10'000);
  CHECK(driver.state() == "Empty");
}

TEST_CASE("the last member's end leaves an empty group in a new generation") {
  GroupDriver driver;
  const auto ids = driver.stable(1);
  SUBCASE("by its session") {
    driver.advance(10'000);
  }
  SUBCASE("by leaving") {
    CHECK(driver.leave({{ids[0], {}}}) == Errors{ErrorCode::none});
  }
  CHECK(driver.state() == "Empty");
  CHECK(driver.generation() == 2);
  // Another type of group may use the name now.
  CHECK(driver.result(driver.join({.api_version = 3, .protocol_type = "connect"})) == "none");
  CHECK(driver.generation() == 3);
}

TEST_CASE("leave answers for each member") {
  GroupDriver driver;
  CHECK(driver.leave({{"m", {}}, {"n", {}}}) ==
        Errors{ErrorCode::unknown_member_id, ErrorCode::unknown_member_id});
  const auto ids = driver.stable(3);
  CHECK(driver.leave({{ids[1], {}}, {"stranger", {}}, {"", {}}, {ids[2], {}}, {ids[2], {}}}) ==
        Errors{ErrorCode::none, ErrorCode::unknown_member_id, ErrorCode::unknown_member_id,
               ErrorCode::none, ErrorCode::unknown_member_id});
  CHECK(driver.members() == 1);
  CHECK(driver.state() == "PreparingRebalance");
  CHECK(driver.coordinator.leave(driver.now, {"", {}}).first.error_code ==
        ErrorCode::invalid_group_id);
}

TEST_CASE("leave of nobody known changes nothing") {
  GroupDriver driver;
  driver.stable(2);
  driver.leave({{"stranger", {}}});
  CHECK(driver.state() == "Stable");
}

TEST_CASE("leaving releases the barrier that waited for the member") {
  GroupDriver driver;
  const auto ids = driver.stable(2);
  const ReplyToken token = driver.join({.member_id = ids[0]});
  CHECK(driver.parked(token));
  driver.leave({{ids[1], {}}});
  CHECK(driver.result(token) == "none");
}

TEST_CASE("who may commit offsets") {
  enum class Given { no_group, empty, preparing, completing, stable };
  struct Row {
    const char* rule;
    Given given;
    bool known_member;
    std::int32_t generation_offset;  // to the current one; -100: generation -1
    bool is_transactional;
    ErrorCode then;
  };
  constexpr std::int32_t kNone = -100;
  const Row rows[] = {
      {"simple consumer, new group", Given::no_group, false, kNone, false, ErrorCode::none},
      {"old generation, new group", Given::no_group, false, 5, false,
       ErrorCode::illegal_generation},
      {"simple consumer, empty group", Given::empty, false, kNone, false, ErrorCode::none},
      {"old member, empty group", Given::empty, true, 0, false, ErrorCode::unknown_member_id},
      {"simple consumer, used group", Given::stable, false, kNone, false,
       ErrorCode::unknown_member_id},
      {"simple transaction, used group", Given::stable, false, kNone, true, ErrorCode::none},
      {"member", Given::stable, true, 0, false, ErrorCode::none},
      {"member without generation", Given::stable, true, kNone, false,
       ErrorCode::illegal_generation},
      {"member of an old generation", Given::stable, true, -1, false,
       ErrorCode::illegal_generation},
      {"transaction of an old generation", Given::stable, true, -1, true,
       ErrorCode::illegal_generation},
      {"stranger", Given::stable, false, 0, false, ErrorCode::unknown_member_id},
      {"member while others join", Given::preparing, true, 0, false, ErrorCode::none},
      {"member while the assignment is awaited", Given::completing, true, 0, false,
       ErrorCode::rebalance_in_progress},
      {"transaction while the assignment is awaited", Given::completing, true, 0, true,
       ErrorCode::none},
  };
  for (const Row& row : rows) {
    CAPTURE(row.rule);
    GroupDriver driver;
    std::vector<std::string> ids = {"old"};
    std::int32_t current = 0;
    if (row.given != Given::no_group) {
      ids = driver.stable(2);
      if (row.given == Given::empty) driver.leave({{ids[0], {}}, {ids[1], {}}});
      if (row.given == Given::preparing) driver.join({.member_id = ids[0]});
      if (row.given == Given::completing) {
        driver.join({.member_id = ids[0]});
        driver.join({.member_id = ids[1]});
      }
      current = driver.generation();
    }
    const std::int32_t generation =
        row.generation_offset == kNone ? -1 : current + row.generation_offset;
    const std::string member_id = row.known_member ? ids[1] : generation == -1 ? "" : "stranger";
    CHECK(driver.commit(member_id, generation, row.is_transactional) == row.then);
  }
}

}  // namespace
}  // namespace sluice::broker
