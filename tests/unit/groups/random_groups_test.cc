// Clients that do what clients do, and what they should not, against invariants that hold for every
// history: a token is answered once and in time, generations only grow, a partition has one owner
// per generation, the books agree with the members, and silence empties every group.

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>

#include "tests/unit/groups/group_driver.h"

namespace sluice::broker {
namespace {

constexpr int kPartitions = 6;
constexpr std::int64_t kRebalanceMs = 30'000;
constexpr std::int64_t kSessionMs = 12'000;
constexpr std::int64_t kInitialDelayMs = 3'000;

struct Client {
  std::optional<std::string> group_instance_id;
  std::string member_id;
  std::int32_t generation = -1;
  std::int16_t api_version = 9;
  std::string metadata = "m";
  std::optional<ReplyToken> joining;
  std::optional<ReplyToken> syncing;
  std::vector<std::string> to_assign;  // as the leader
  bool in_step = false;                // has this generation's assignment
};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed), driver_(options(seed)) {
    for (std::size_t i = 0; i < 7; ++i) {
      Client client;
      if (i % 3 == 2) client.group_instance_id = "instance" + std::to_string(i % 2);
      client.api_version = static_cast<std::int16_t>(i % 4 == 0 ? 3 : 5 + i % 5);
      clients_.push_back(client);
    }
  }

  void step() {
    Client& client = clients_[random_.below(clients_.size())];
    if (random_.below(8) != 0) {
      behave(client);
    } else {
      misbehave(client);
    }
    hear();
    check();
  }

 private:
  // What a client does next if nothing goes wrong.
  void behave(Client& client) {
    using wire::ErrorCode;
    driver_.advance(static_cast<std::int64_t>(random_.below(60)));
    if (client.joining || client.syncing) return;
    if (client.generation < 0) return join(client);
    if (!client.in_step) return sync(client);
    const ErrorCode error =
        driver_.heartbeat(client.member_id, client.generation, client.group_instance_id);
    if (error == ErrorCode::rebalance_in_progress) join(client);
    if (error == ErrorCode::illegal_generation) client.generation = -1;
    if (error == ErrorCode::unknown_member_id || error == ErrorCode::fenced_instance_id) {
      restart(client);
    }
  }

  void misbehave(Client& client) {
    switch (random_.below(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
        join(client);
        break;
      case 4:
      case 5:
      case 6:
        sync(client);
        break;
      case 7:
      case 8:
        driver_.heartbeat(client.member_id, client.generation, client.group_instance_id);
        break;
      case 9:
        driver_.commit(client.member_id, client.generation, random_.below(2) == 0,
                       client.group_instance_id);
        break;
      case 10:
        if (random_.below(4) == 0) leave(client);
        break;
      case 11:
        if (random_.below(4) == 0) restart(client);
        break;
      case 12:
        hostile();
        break;
      case 13:
        driver_.advance(static_cast<std::int64_t>(random_.below(500)));
        break;
      case 14:
        if (random_.below(8) == 0)
          driver_.advance(static_cast<std::int64_t>(random_.below(15'000)));
        break;
      case 15:
        housekeeping();
        break;
    }
  }

 public:
  // Nobody says a word any more.
  void silence() {
    driver_.advance(400'000);
    hear();
    for (const auto& [token, since] : parked_) FAIL("token " << token << " was never answered");
    driver_.coordinator.forget_offsets(driver_.now, "g");
    const Group* group = driver_.coordinator.find("g");
    if (group) {
      CHECK(group->members().size() == 0);
      CHECK(group->members().pending() == 0);
      CHECK(group->members().bytes() == 0);
      CHECK(group->members().parked_joins() == 0);
      CHECK(group->members().all_synced());
    }
    driver_.advance(600'000);
    CHECK(driver_.coordinator.groups() == 0);
    CHECK(driver_.coordinator.next_deadline() == Instant::never());
  }

  std::map<std::string, int>
      seen;  // how often each state was met, so that the walk is known to walk

 private:
  static CoordinatorOptions options(std::uint64_t seed) {
    CoordinatorOptions options;
    options.initial_rebalance_delay = Millis(seed % 2 == 0 ? 0 : kInitialDelayMs);
    options.group_members_max = seed % 3 == 0 ? 4 : 100;
    return options;
  }

  void park(ReplyToken token) { parked_.emplace(token.value, driver_.now); }

  void join(Client& client) {
    if (random_.below(8) == 0) client.metadata = random_.below(2) ? "m" : "n";
    client.joining = driver_.join({
        .member_id = client.member_id,
        .group_instance_id = client.group_instance_id,
        .protocols = protocols(client),
        .session_timeout_ms = static_cast<std::int32_t>(kSessionMs - 1'000 * random_.below(6)),
        .rebalance_timeout_ms = static_cast<std::int32_t>(
            random_.below(10) == 0 ? 0 : kRebalanceMs - 5'000 * random_.below(5)),
        .api_version = client.api_version,
    });
    park(*client.joining);
  }

  std::vector<JoinGroupProtocol> protocols(const Client& client) {
    std::vector<JoinGroupProtocol> offered = {{"range", client.metadata}, {"sticky", ""}};
    if (random_.below(6) == 0) std::swap(offered[0], offered[1]);
    if (random_.below(10) == 0) offered.erase(offered.begin());
    if (random_.below(20) == 0) offered.push_back(offered[0]);
    return offered;
  }

  void sync(Client& client) {
    std::vector<SyncGroupRequest::Assignment> assignments;
    for (std::size_t i = 0; i < client.to_assign.size(); ++i) {
      std::string partitions;
      for (std::size_t p = i; p < kPartitions; p += client.to_assign.size()) {
        partitions += static_cast<char>('0' + p);
      }
      assignments.push_back({client.to_assign[i], partitions});
    }
    client.syncing =
        driver_.sync(client.member_id, client.generation, assignments, client.group_instance_id);
    park(*client.syncing);
    sync_generation_[client.syncing->value] = client.generation;
  }

  void leave(Client& client) {
    driver_.leave({{client.member_id, client.group_instance_id}});
    restart(client);
  }

  void restart(Client& client) {
    client.member_id.clear();
    client.generation = -1;
    client.to_assign.clear();
    client.in_step = false;
  }

  void hostile() {
    Client fake = clients_[random_.below(clients_.size())];
    const Client& other = clients_[random_.below(clients_.size())];
    if (random_.below(2) == 0) fake.member_id = other.member_id;
    if (random_.below(2) == 0) fake.generation = static_cast<std::int32_t>(random_.below(50)) - 1;
    if (random_.below(3) == 0) fake.group_instance_id = other.group_instance_id;
    switch (random_.below(6)) {
      case 0:
        join(fake);
        break;
      case 1:
        driver_.heartbeat(fake.member_id, fake.generation, fake.group_instance_id);
        break;
      case 2:
        park(driver_.sync(fake.member_id, fake.generation, {}, fake.group_instance_id));
        break;
      case 3:
        park(driver_.join({.member_id = fake.member_id, .protocols = {}}));
        break;
      case 4:
        park(driver_.join({.member_id = fake.member_id,
                           .group_instance_id = fake.group_instance_id,
                           .protocols = {{"range", "z"}},
                           .session_timeout_ms = static_cast<std::int32_t>(random_.next())}));
        break;
      case 5:
        if (random_.below(8) == 0) driver_.leave({{"", fake.group_instance_id}});
        break;
    }
  }

  void housekeeping() {
    switch (random_.below(20)) {
      case 0:
        driver_.coordinator.restore_empty(driver_.now, "g", "consumer");
        break;
      case 1:
        driver_.coordinator.forget_offsets(driver_.now, "g");
        break;
      case 2:
        if (driver_.coordinator.delete_group("g") == wire::ErrorCode::none) forget_group();
        break;
      case 3:
        if (random_.below(10) == 0) driver_.advance(700'000);
        break;
      case 4:
        if (random_.below(10) == 0) {
          driver_.take(driver_.coordinator.shut_down(driver_.now,
                                                     wire::ErrorCode::coordinator_not_available));
        }
        break;
    }
  }

  void forget_group() {
    last_generation_ = 0;
    owners_.clear();
    leaders_.clear();
    sync_generation_.clear();
    for (Client& client : clients_) restart(client);
  }

  // Reads the replies as a client would, and checks them against each other.
  void hear() {
    for (Client& client : clients_) {
      if (client.joining && !driver_.parked(*client.joining)) hear_join(client);
      if (client.syncing && !driver_.parked(*client.syncing)) hear_sync(client);
    }
    std::erase_if(parked_,
                  [this](const auto& entry) { return !driver_.parked(ReplyToken(entry.first)); });
    // The next group of this name counts its generations from 1.
    if (!driver_.coordinator.find("g")) forget_group();
  }

  void hear_join(Client& client) {
    const JoinGroupResponse& reply = *driver_.joined(*client.joining);
    client.joining.reset();
    client.to_assign.clear();
    client.in_step = false;
    using wire::ErrorCode;
    switch (reply.error_code) {
      case ErrorCode::none:
        REQUIRE(reply.generation_id > 0);
        REQUIRE(reply.protocol_name);
        client.member_id = reply.member_id;
        client.generation = reply.generation_id;
        if (reply.leader == reply.member_id && !reply.skip_assignment) {
          REQUIRE_FALSE(reply.members.empty());
          // One leader per generation, however often it is told so.
          const auto at = leaders_.try_emplace(reply.generation_id, reply.member_id).first;
          REQUIRE(at->second == reply.member_id);
          for (const auto& member : reply.members) client.to_assign.push_back(member.member_id);
        } else if (!reply.skip_assignment) {
          REQUIRE(reply.members.empty());
        }
        break;
      case ErrorCode::member_id_required:
        REQUIRE(client.api_version >= 4);
        REQUIRE_FALSE(client.group_instance_id);
        client.member_id = reply.member_id;
        break;
      case ErrorCode::unknown_member_id:
      case ErrorCode::fenced_instance_id:
      case ErrorCode::group_max_size_reached:
        restart(client);
        break;
      default:
        break;
    }
  }

  void hear_sync(Client& client) {
    const SyncGroupResponse& reply = *driver_.synced(*client.syncing);
    const std::int32_t generation = sync_generation_[client.syncing->value];
    client.syncing.reset();
    if (reply.error_code != wire::ErrorCode::none) {
      client.generation = -1;
      return;
    }
    client.in_step = client.generation == generation;
    const std::string owner = client.group_instance_id.value_or(client.member_id);
    for (const char partition : reply.assignment) {
      const auto at = owners_[generation].try_emplace(partition, owner).first;
      REQUIRE(at->second == owner);
    }
  }

  void check() {
    for (const auto& [token, since] : parked_) {
      // A barrier stands for one rebalance timeout; the first one starts with the initial delay.
      if (driver_.now - since > Millis(kRebalanceMs + kInitialDelayMs)) {
        FAIL("token " << token << " is parked too long");
      }
    }
    const Group* group = driver_.coordinator.find("g");
    if (group == nullptr) return;
    ++seen[std::string(name_of(group->state()))];
    REQUIRE(group->generation() >= last_generation_);
    last_generation_ = group->generation();

    const Members& members = group->members();
    std::size_t parked_joins = 0;
    std::size_t bytes = 0;
    bool synced = true;
    for (const auto& [id, member] : members.all()) {
      REQUIRE(id == member.member_id);
      REQUIRE_FALSE(members.is_pending(id));
      parked_joins += member.parked_join ? 1 : 0;
      synced = synced && !member.sync_missing;
      bytes += id.size() + member.client_id.size() + member.client_host.size() +
               member.group_instance_id.value_or("").size() + bytes_of(member.protocols);
      if (member.parked_join) REQUIRE(group->state() == GroupState::preparing_rebalance);
      if (member.parked_sync) REQUIRE(group->state() == GroupState::completing_rebalance);
      if (member.is_static()) REQUIRE(*members.static_member_id(*member.group_instance_id) == id);
    }
    REQUIRE(parked_joins == members.parked_joins());
    REQUIRE(synced == members.all_synced());
    REQUIRE(members.bytes() >= bytes);
    if (members.pending() == 0) REQUIRE(members.bytes() == bytes);
    REQUIRE(members.leader().empty() == members.empty());
    if (!members.empty()) REQUIRE(members.find(members.leader()) != nullptr);
    if (group->state() == GroupState::empty) REQUIRE(members.empty());
    if (group->state() == GroupState::completing_rebalance) REQUIRE_FALSE(synced);
    if (group->state() != GroupState::empty || members.pending() > 0) {
      REQUIRE(driver_.coordinator.next_deadline() < Instant::never());
    }
  }

  SeededRandom random_;
  GroupDriver driver_;
  std::vector<Client> clients_;
  std::map<std::uint64_t, Instant> parked_;
  std::map<std::uint64_t, std::int32_t> sync_generation_;
  std::map<std::int32_t, std::string> leaders_;
  std::map<std::int32_t, std::map<char, std::string>> owners_;
  std::int32_t last_generation_ = 0;
};

TEST_CASE("random clients cannot break the invariants") {
  std::map<std::string, int> seen;
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    CAPTURE(seed);
    World world(seed);
    for (int step = 0; step < 5'000; ++step) {
      CAPTURE(step);
      world.step();
    }
    world.silence();
    for (const auto& [state, times] : world.seen) seen[state] += times;
  }
  CHECK(seen["Empty"] > 30);
  CHECK(seen["PreparingRebalance"] > 8'000);
  CHECK(seen["CompletingRebalance"] > 8'000);
  CHECK(seen["Stable"] > 8'000);
}

}  // namespace
}  // namespace sluice::broker
