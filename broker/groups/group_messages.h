#pragma once
// What the group coordinator is asked and what it answers: the fields of Kafka's JoinGroup,
// SyncGroup, Heartbeat, LeaveGroup, OffsetCommit, DescribeGroups and ListGroups under their Kafka
// names, free of any wire version. Plain values.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/groups/reply_token.h"
#include "shared/base/bytes.h"
#include "shared/wire/error_code.h"

namespace sluice::broker {

// One assignment strategy that a member offers, in its order of preference.
struct JoinGroupProtocol {
  std::string name;
  Buffer metadata;

  friend bool operator==(const JoinGroupProtocol&, const JoinGroupProtocol&) = default;
};

struct JoinGroupRequest {
  std::int16_t api_version = 0;  // 4 and later: KIP-394; 9 and later: KIP-814
  std::string group_id;
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = -1;  // below 0 (version 0 has none): the session timeout
  std::string member_id;                   // empty: a new member
  std::optional<std::string> group_instance_id;
  std::string client_id;
  std::string client_host;
  std::string protocol_type;
  std::vector<JoinGroupProtocol> protocols;
};

struct JoinGroupResponse {
  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    Buffer metadata;
  };

  wire::ErrorCode error_code = wire::ErrorCode::none;
  std::int32_t generation_id = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  std::string leader;
  bool skip_assignment = false;
  std::string member_id;
  std::vector<Member> members;  // for the leader only
};

struct SyncGroupRequest {
  struct Assignment {
    std::string member_id;
    Buffer assignment;
  };

  std::string group_id;
  std::int32_t generation_id = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  std::optional<std::string> protocol_type;  // version 5 and later (KIP-559)
  std::optional<std::string> protocol_name;
  std::vector<Assignment> assignments;  // from the leader only
};

struct SyncGroupResponse {
  wire::ErrorCode error_code = wire::ErrorCode::none;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  Buffer assignment;
};

struct HeartbeatRequest {
  std::string group_id;
  std::int32_t generation_id = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
};

struct HeartbeatResponse {
  wire::ErrorCode error_code = wire::ErrorCode::none;
};

struct LeaveGroupRequest {
  struct MemberIdentity {
    std::string member_id;
    std::optional<std::string> group_instance_id;
  };

  std::string group_id;
  std::vector<MemberIdentity> members;  // versions 0 to 2 carry exactly one
};

struct LeaveGroupResponse {
  struct MemberResponse {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    wire::ErrorCode error_code = wire::ErrorCode::none;
  };

  wire::ErrorCode error_code = wire::ErrorCode::none;
  std::vector<MemberResponse> members;
};

// Who wants to commit offsets: the head of OffsetCommit and TxnOffsetCommit.
struct CommitRequest {
  std::string group_id;
  std::int32_t generation_id_or_member_epoch = -1;
  std::string member_id;
  std::optional<std::string> group_instance_id;
  bool is_transactional = false;
};

struct DescribedGroup {
  struct Member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::string client_id;
    std::string client_host;
    Buffer member_metadata;  // empty unless the group is Stable
    Buffer member_assignment;
  };

  // group_id_not_found with state Dead; versions below 6 answer `none` with it.
  wire::ErrorCode error_code = wire::ErrorCode::none;
  std::string group_id;
  std::string group_state;
  std::string protocol_type;
  std::string protocol_data;
  std::vector<Member> members;
};

struct ListedGroup {
  std::string group_id;
  std::string protocol_type;
  std::string group_state;
  std::string group_type;
};

// One parked request that is answered now.
struct GroupReply {
  ReplyToken token;
  std::variant<JoinGroupResponse, SyncGroupResponse> response;
};

// Each token that was passed in appears in exactly one Actions list, once.
using Actions = std::vector<GroupReply>;

}  // namespace sluice::broker
