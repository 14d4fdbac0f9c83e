// The partitions of a worker: taken over from whoever had them, with what is known of their past,
// and given up.

#include <fmt/format.h>

#include <utility>

#include "shared/base/fail_point.h"
#include "shared/log/log.h"
#include "worker/worker.h"

namespace sluice::worker {
namespace {

constexpr Millis kConfirmInterval{5'000};

}  // namespace

Result<std::vector<client::TopicPartition>> Worker::take_over(
    std::vector<client::TopicPartition> assigned) {
  if (stopping()) return fail(Code::closed, "the worker is leaving the group");
  for (client::TopicPartition& at : assigned) {
    TRY(offset, take_over(at.partition));
    at.offset = offset;
  }
  tell_held();
  joined_ = true;
  return assigned;
}

void Worker::tell_held() {
  std::vector<std::int32_t> held;
  for (const auto& [partition, owned] : owned_) {
    if (owned.held) held.push_back(partition);
  }
  const auto count = static_cast<std::int64_t>(held.size());
  metrics_.partitions.set(count);
  if (webhook_ != nullptr) webhook_->own(std::move(held));
  const std::lock_guard lock(mutex_);
  status_.partitions = count;
}

OrderMachine Worker::new_machine(std::int32_t partition, ledger::FoldedLog log) const {
  return OrderMachine(options_.orders_topic, partition,
                      webhook_ == nullptr ? Webhook::off : Webhook::on, std::move(log));
}

// The offset to read from: the log's beginning, or as far as this process has folded already.
Result<std::int64_t> Worker::take_over(std::int32_t partition) {
  TRY(claim, store_.claim(partition));
  FAIL_POINT("worker-claimed");
  TRY(marks, consumer_->watermarks(options_.orders_topic, partition, kServerTimeout));
  if (claim.next_offset > marks.high) {
    return fail(Code::out_of_range,
                fmt::format("{}-{} ends at {}, the database has its records up to {}: the log has "
                            "lost its end or is another one",
                            options_.orders_topic, partition, marks.high, claim.next_offset));
  }
  TRY(leftovers, store_.outbox(partition));
  Owned& owned = remember(partition, claim.next_offset);
  owned.claim = claim;
  owned.end = marks.high;
  owned.held = true;
  just_taken_.insert(partition);
  log::info("partition taken partition={} fence={} next_offset={} folded={} end={} outbox={}",
            partition, claim.fence, claim.next_offset, owned.machine.next_offset(), marks.high,
            leftovers.size());
  relay_->add(std::move(leftovers));
  return owned.machine.log().start();
}

// The fold of before, or the snapshot's, or none. One that is ahead of what the database has took
// records whose transaction did not happen.
Worker::Owned& Worker::remember(std::int32_t partition, std::int64_t written) {
  const auto known = owned_.find(partition);
  if (known != owned_.end() && known->second.machine.next_offset() <= written) return known->second;
  ledger::FoldedLog log = snapshots_.load(snapshot_name(partition));
  if (log.fold.next_offset() > written) log = {};
  Owned owned{.machine = new_machine(partition, std::move(log))};
  return owned_.insert_or_assign(partition, std::move(owned)).first->second;
}

std::string Worker::snapshot_name(std::int32_t partition) const {
  return fmt::format("{}-{}", options_.orders_topic, partition);
}

// False when the log turns out not to go on from the snapshot: it is read from its beginning.
bool Worker::goes_on(Owned& owned, const client::Record& record) {
  if (!owned.machine.log().at_seam) return true;
  if (owned.machine.goes_on(ledger::seam_at(record.offset, record.key, record.value))) return true;
  snapshots_.drop(snapshot_name(record.partition), "the log has another record there");
  owned.machine = new_machine(record.partition);
  return false;
}

void Worker::keep_snapshots() {
  for (const auto& [partition, owned] : owned_) {
    if (owned.held) snapshots_.keep(snapshot_name(partition), owned.machine.log());
  }
}

void Worker::give_up(const std::vector<client::TopicPartition>& revoked) {
  for (const client::TopicPartition& at : revoked) {
    const auto owned = owned_.find(at.partition);
    if (owned == owned_.end()) continue;
    FAIL_POINT("worker-revoked");
    owned->second.held = false;
    relay_->drop(at.partition);
    log::info("partition given up partition={} next_offset={}", at.partition,
              owned->second.claim.next_offset);
  }
  tell_held();
}

// A transaction finds it out for itself; a partition without records has none.
Result<void> Worker::confirm_claims() {
  const Instant now = clock_.now();
  if (now < confirm_claims_at_) return {};
  confirm_claims_at_ = now + kConfirmInterval;
  std::map<std::int32_t, Claim> claims;
  for (const auto& [partition, owned] : owned_) {
    if (owned.held) claims.emplace(partition, owned.claim);
  }
  if (claims.empty()) return {};
  const auto confirmed = until_done([&] { return store_.confirm(claims); });
  if (!confirmed && confirmed.error().code == Code::fenced) metrics_.fenced.add();
  return confirmed;
}

}  // namespace sluice::worker
