#include "broker/groups/members.h"

#include <algorithm>
#include <utility>

#include "shared/base/check.h"

namespace sluice::broker {

namespace {

std::size_t bytes_of_ids(const Member& member) {
  return member.member_id.size() + member.client_id.size() + member.client_host.size() +
         (member.group_instance_id ? member.group_instance_id->size() : 0);
}

}  // namespace

std::size_t bytes_of(const std::vector<JoinGroupProtocol>& protocols) {
  std::size_t bytes = 0;
  for (const JoinGroupProtocol& p : protocols) bytes += p.name.size() + p.metadata.size();
  return bytes;
}

const JoinGroupProtocol* Member::offer(std::string_view protocol) const {
  auto at = std::ranges::find(protocols, protocol, &JoinGroupProtocol::name);
  return at == protocols.end() ? nullptr : &*at;
}

Member* Members::find(std::string_view member_id) {
  auto at = members_.find(member_id);
  return at == members_.end() ? nullptr : &at->second;
}

const Member* Members::find(std::string_view member_id) const {
  auto at = members_.find(member_id);
  return at == members_.end() ? nullptr : &at->second;
}

const std::string* Members::static_member_id(std::string_view group_instance_id) const {
  auto at = static_ids_.find(group_instance_id);
  return at == static_ids_.end() ? nullptr : &at->second;
}

Member& Members::add(Member member) {
  std::string id = member.member_id;
  if (auto pending = pending_.find(id); pending != pending_.end()) {
    bytes_ -= id.size();
    pending_.erase(pending);
  }
  auto [at, added] = members_.try_emplace(id, std::move(member));
  CHECK(added);
  Member& kept = at->second;
  if (kept.is_static()) CHECK(static_ids_.emplace(*kept.group_instance_id, id).second);
  if (leader_.empty()) leader_ = id;
  count_protocols(kept, +1);
  bytes_ += bytes_of_ids(kept);
  return kept;
}

void Members::remove(std::string_view member_id) {
  if (auto pending = pending_.find(member_id); pending != pending_.end()) {
    bytes_ -= pending->size();
    pending_.erase(pending);
  }
  auto at = members_.find(member_id);
  if (at == members_.end()) return;
  Member& member = at->second;
  CHECK(!member.parked_join && !member.parked_sync);
  set_sync_missing(member, false);
  count_protocols(member, -1);
  bytes_ -= bytes_of_ids(member);
  if (member.is_static()) static_ids_.erase(*member.group_instance_id);
  const bool led = leader_ == member.member_id;
  members_.erase(at);
  if (led) leader_ = members_.empty() ? std::string() : members_.begin()->first;
}

Member& Members::replace_id(const std::string& old_id, const std::string& new_id,
                            const std::string& client_id, const std::string& client_host) {
  auto node = members_.extract(old_id);
  CHECK(!node.empty() && !node.mapped().parked_join && !node.mapped().parked_sync);
  bytes_ -= bytes_of_ids(node.mapped());
  node.key() = new_id;
  node.mapped().member_id = new_id;
  node.mapped().client_id = client_id;
  node.mapped().client_host = client_host;
  Member& member = members_.insert(std::move(node)).position->second;
  bytes_ += bytes_of_ids(member);
  if (member.is_static()) static_ids_[*member.group_instance_id] = new_id;
  if (leader_ == old_id) leader_ = new_id;
  return member;
}

void Members::set_protocols(Member& member, std::vector<JoinGroupProtocol> protocols) {
  count_protocols(member, -1);
  member.protocols = std::move(protocols);
  count_protocols(member, +1);
}

void Members::add_pending(const std::string& member_id) {
  CHECK(!members_.contains(member_id));
  if (pending_.insert(member_id).second) bytes_ += member_id.size();
}

void Members::park_join(Member& member, ReplyToken token) {
  CHECK(!member.parked_join);
  member.parked_join = token;
  ++parked_joins_;
}

std::optional<ReplyToken> Members::take_join(Member& member) {
  if (member.parked_join) --parked_joins_;
  return std::exchange(member.parked_join, std::nullopt);
}

void Members::park_sync(Member& member, ReplyToken token) {
  CHECK(!member.parked_sync);
  member.parked_sync = token;
}

std::optional<ReplyToken> Members::take_sync(Member& member) {
  return std::exchange(member.parked_sync, std::nullopt);
}

void Members::set_sync_missing(Member& member, bool missing) {
  if (member.sync_missing == missing) return;
  member.sync_missing = missing;
  if (missing) {
    ++syncs_missing_;
  } else {
    --syncs_missing_;
  }
}

bool Members::elect_joined_leader() {
  const Member* current = find(leader_);
  if (current == nullptr) return false;
  if (current->parked_join) return true;
  for (const auto& [id, member] : members_) {
    if (!member.parked_join) continue;
    leader_ = id;
    return true;
  }
  return false;
}

bool Members::all_support_one_of(const std::vector<JoinGroupProtocol>& offered) const {
  return std::ranges::any_of(offered, [this](const JoinGroupProtocol& protocol) {
    auto at = supporters_.find(protocol.name);
    return (at == supporters_.end() ? 0 : at->second) == members_.size();
  });
}

std::string Members::select_protocol() const {
  auto supported_by_all = [this](const JoinGroupProtocol& protocol) {
    return supporters_.find(protocol.name)->second == members_.size();
  };
  boost::unordered_flat_map<std::string_view, std::size_t> votes;
  for (const auto& [id, member] : members_) {
    auto choice = std::ranges::find_if(member.protocols, supported_by_all);
    CHECK(choice != member.protocols.end());
    ++votes[choice->name];
  }
  const JoinGroupProtocol* best = nullptr;
  for (const JoinGroupProtocol& protocol : members_.find(leader_)->second.protocols) {
    if (!supported_by_all(protocol)) continue;
    if (best == nullptr || votes[protocol.name] > votes[best->name]) best = &protocol;
  }
  CHECK(best != nullptr);
  return best->name;
}

Millis Members::rebalance_timeout() const {
  Millis longest{0};
  for (const auto& [id, member] : members_) longest = std::max(longest, member.rebalance_timeout);
  return longest;
}

void Members::count_protocols(const Member& member, int sign) {
  for (const JoinGroupProtocol& protocol : member.protocols) {
    if (sign > 0) {
      ++supporters_[protocol.name];
    } else if (auto at = supporters_.find(protocol.name); --at->second == 0) {
      supporters_.erase(at);
    }
  }
  const std::size_t bytes = bytes_of(member.protocols);
  bytes_ = sign > 0 ? bytes_ + bytes : bytes_ - bytes;
}

}  // namespace sluice::broker
