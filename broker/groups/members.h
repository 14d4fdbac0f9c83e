#pragma once
// Members: who belongs to one consumer group, what each offers and waits for, and the sums over
// them that the rebalance asks for (votes, parked joins, missing syncs). It keeps the books and
// decides nothing about time or state. Pure; owns the members; its size is bounded by the Group
// above it.

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "broker/groups/group_messages.h"
#include "broker/groups/reply_token.h"
#include "shared/base/bytes.h"
#include "shared/base/clock.h"

namespace sluice::broker {

struct Member {
  std::string member_id;
  std::optional<std::string> group_instance_id;  // a static member (KIP-345)
  std::string client_id;
  std::string client_host;
  Millis rebalance_timeout{0};
  Millis session_timeout{0};
  std::vector<JoinGroupProtocol> protocols;  // distinct names, by preference
  Buffer assignment;
  bool is_new = true;  // has not been told its member id yet, so it cannot heartbeat

  // Written by Members only.
  std::optional<ReplyToken> parked_join;
  std::optional<ReplyToken> parked_sync;
  bool sync_missing = false;  // has the generation but did not send SyncGroup yet

  bool is_static() const { return group_instance_id.has_value(); }
  // A member that waits for an answer cannot heartbeat, so its session does not run out.
  bool is_kept_alive() const { return !is_new && (parked_join || parked_sync); }
  // nullptr if it does not offer `protocol`.
  const JoinGroupProtocol* offer(std::string_view protocol) const;
};

class Members {
 public:
  using Map = std::map<std::string, Member, std::less<>>;

  bool empty() const { return members_.empty(); }
  std::size_t size() const { return members_.size(); }
  const Map& all() const { return members_; }
  Map& all() { return members_; }
  Member* find(std::string_view member_id);
  const Member* find(std::string_view member_id) const;
  // The member id that holds an instance id; nullptr if none does.
  const std::string* static_member_id(std::string_view group_instance_id) const;

  // REQUIRES: neither the member id nor the instance id is taken. The first member leads.
  Member& add(Member member);
  // REQUIRES: nothing is parked. Also forgets a pending id. Another member leads if the leader
  // went.
  void remove(std::string_view member_id);
  // The same member under a new id, perhaps from another host. REQUIRES: nothing is parked.
  Member& replace_id(const std::string& old_id, const std::string& new_id,
                     const std::string& client_id, const std::string& client_host);
  void set_protocols(Member& member, std::vector<JoinGroupProtocol> protocols);

  // Ids that were handed out and did not join yet (KIP-394).
  bool is_pending(std::string_view member_id) const { return pending_.contains(member_id); }
  std::size_t pending() const { return pending_.size(); }
  void add_pending(const std::string& member_id);

  // The join barrier. REQUIRES (park_join): nothing is parked yet.
  void park_join(Member& member, ReplyToken token);
  std::optional<ReplyToken> take_join(Member& member);
  std::size_t parked_joins() const { return parked_joins_; }
  bool all_joined() const { return parked_joins_ == members_.size() && pending_.empty(); }

  // The sync barrier.
  void park_sync(Member& member, ReplyToken token);
  std::optional<ReplyToken> take_sync(Member& member);
  void set_sync_missing(Member& member, bool missing);
  bool all_synced() const { return syncs_missing_ == 0; }

  const std::string& leader() const { return leader_; }  // empty: none
  bool is_leader(std::string_view member_id) const {
    return !leader_.empty() && leader_ == member_id;
  }
  // Keeps the leader if it joined, else takes one who did; false if nobody joined.
  bool elect_joined_leader();

  // Whether some protocol of `offered` is offered by every member.
  bool all_support_one_of(const std::vector<JoinGroupProtocol>& offered) const;
  // Each member votes for the first of its protocols that all support; the leader's preference
  // breaks ties. REQUIRES: not empty.
  std::string select_protocol() const;

  // The longest that a member asks for.
  Millis rebalance_timeout() const;
  // Bytes of ids and metadata that the peers made us keep.
  std::size_t bytes() const { return bytes_; }

 private:
  void count_protocols(const Member& member, int sign);

  Map members_;
  std::map<std::string, std::string, std::less<>> static_ids_;  // instance id → member id
  std::set<std::string, std::less<>> pending_;
  boost::unordered_flat_map<std::string, std::size_t> supporters_;  // protocol → members, never 0
  std::string leader_;
  std::size_t parked_joins_ = 0;
  std::size_t syncs_missing_ = 0;
  std::size_t bytes_ = 0;
};

// What a member with these fields adds to Members::bytes().
std::size_t bytes_of(const std::vector<JoinGroupProtocol>& protocols);

}  // namespace sluice::broker
