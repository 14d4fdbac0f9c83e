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
  for (const auto& [partition, owned] : owned_) held.push_back(partition);
  const auto count = static_cast<std::int64_t>(held.size());
  metrics_.partitions.set(count);
  if (webhook_ != nullptr) webhook_->own(std::move(held));
  const std::lock_guard lock(mutex_);
  status_.partitions = count;
}

// The offset to read from.
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
  TRY(machine, machine_of(partition, claim));
  TRY(leftovers, store_.outbox(partition));
  log::info("partition taken partition={} fence={} next_offset={} folded={} end={} outbox={}",
            partition, claim.fence, claim.next_offset, machine.next_offset(), marks.high,
            leftovers.size());
  const std::int64_t start = machine.start();
  owned_.insert_or_assign(partition,
                          Owned{.machine = std::move(machine), .claim = claim, .end = marks.high});
  just_taken_.insert(partition);
  relay_->add(std::move(leftovers));
  return start;
}

// From what the database has, or, when that is of a version that did not keep it, for a fold from
// the log's beginning.
Result<OrderMachine> Worker::machine_of(std::int32_t partition, const Claim& claim) {
  const Webhook webhook = webhook_ == nullptr ? Webhook::off : Webhook::on;
  TRY(stored, store_.fold(partition));
  if (stored && stored->next_offset == claim.next_offset) {
    return OrderMachine::resume(options_.orders_topic, partition, webhook, *stored);
  }
  return OrderMachine(options_.orders_topic, partition, webhook);
}

void Worker::give_up(const std::vector<client::TopicPartition>& revoked) {
  for (const client::TopicPartition& at : revoked) {
    const auto owned = owned_.find(at.partition);
    if (owned == owned_.end()) continue;
    FAIL_POINT("worker-revoked");
    relay_->drop(at.partition);
    log::info("partition given up partition={} next_offset={}", at.partition,
              owned->second.claim.next_offset);
    owned_.erase(owned);
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
    claims.emplace(partition, owned.claim);
  }
  if (claims.empty()) return {};
  const auto confirmed = until_done([&] { return store_.confirm(claims); });
  if (!confirmed && confirmed.error().code == Code::fenced) metrics_.fenced.add();
  return confirmed;
}

}  // namespace sluice::worker
