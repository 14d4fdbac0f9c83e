#pragma once
// GroupDriver: a Coordinator with a clock that is turned by hand, tokens made as asked and every
// reply kept. Fails the test if a token is answered twice or a reply has the wrong kind.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "broker/groups/coordinator.h"
#include "shared/base/random.h"

namespace sluice::broker {

// What differs from a usual dynamic consumer.
struct Joining {
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::vector<JoinGroupProtocol> protocols = {{"range", "m"}};
  std::int32_t session_timeout_ms = 10'000;
  std::int32_t rebalance_timeout_ms = 60'000;
  std::int16_t api_version = 9;
  std::string protocol_type = "consumer";
  std::string client_id = "client";
  std::string group_id = "g";
};

class GroupDriver {
 public:
  explicit GroupDriver(CoordinatorOptions options = quick());

  // No initial delay, so that one member's join completes at once.
  static CoordinatorOptions quick();
  // Kafka's defaults.
  static CoordinatorOptions patient() { return {}; }

  Coordinator coordinator;
  Instant now{Millis(1'000'000)};

  // Turns the clock, stopping at each deadline on the way.
  void advance(std::int64_t ms);

  ReplyToken join(const Joining& joining);
  // The KIP-394 dance: asks for an id, then joins with it. Returns the id.
  std::string join_dynamic(Joining joining, ReplyToken* token = nullptr);
  ReplyToken sync(const std::string& member_id, std::int32_t generation,
                  std::vector<SyncGroupRequest::Assignment> assignments = {},
                  std::optional<std::string> group_instance_id = {});
  wire::ErrorCode heartbeat(const std::string& member_id, std::int32_t generation,
                            std::optional<std::string> group_instance_id = {});
  std::vector<wire::ErrorCode> leave(const std::vector<LeaveGroupRequest::MemberIdentity>& members);
  wire::ErrorCode commit(const std::string& member_id, std::int32_t generation,
                         bool is_transactional = false,
                         std::optional<std::string> group_instance_id = {});

  // nullptr: still parked.
  const JoinGroupResponse* joined(ReplyToken token) const;
  const SyncGroupResponse* synced(ReplyToken token) const;
  bool parked(ReplyToken token) const { return !replies_.contains(token.value); }
  // "parked", or the error's name.
  std::string result(ReplyToken token) const;

  std::string state(const std::string& group_id = "g") const;
  std::int32_t generation() const { return coordinator.find("g")->generation(); }
  std::size_t members() const { return coordinator.find("g")->members().size(); }
  std::string leader() const { return coordinator.find("g")->members().leader(); }

  // A Stable group of `count` dynamic members, in generation `generation()`; their ids, the leader
  // first, each with its own id as its assignment.
  std::vector<std::string> stable(int count);
  // All of `ids` join again with the usual protocols, and the group becomes Stable again.
  void settle(const std::vector<std::string>& ids);

  void take(Actions actions);

 private:
  SeededRandom random_{42};
  std::uint64_t next_token_ = 0;
  std::map<std::uint64_t, std::variant<JoinGroupResponse, SyncGroupResponse>> replies_;
};

}  // namespace sluice::broker
