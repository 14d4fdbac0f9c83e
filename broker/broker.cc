#include "broker/broker.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "shared/async/one_shot.h"

namespace sluice::broker {
namespace {

constexpr std::string_view kFormat = "format";
constexpr std::string_view kClusterId = "cluster_id";
constexpr std::string_view kNextProducerId = "next_producer_id";

// Producer ids are reserved in the store by blocks, so that most InitProducerId need no commit. A
// block that a crash cuts short is skipped: ids need to be unique, not dense.
constexpr std::int64_t kProducerIdBlock = 1000;

constexpr Millis kExpireProducersEvery{600'000};

}  // namespace

Broker::Broker(BrokerOptions options, BrokerSeams seams)
    : options_(options),
      seams_(std::move(seams)),
      committer_(seams_.store, seams_.commit_thread, seams_.clock, options.committer),
      log_{seams_.store, seams_.readers, committer_,
           [this](PartitionId partition, std::size_t bytes) {
             resume(fetch_waiters_.appended(partition, bytes));
           }},
      topics_(log_, seams_.random, options.topics),
      offsets_(seams_.store, committer_),
      groups_(options.groups, seams_.clock, seams_.random, [this] { arm(); }),
      fetch_waiters_(FetchWaiters::Options{}) {}

Result<void> Broker::start() {
  TRY_VOID(check_format());
  TRY(cluster, seams_.store.get(Family::state, state_key(StateKind::meta, kClusterId)));
  if (cluster) {
    cluster_id_ = *cluster;
  } else {
    cluster_id_ = uuid_text(random_uuid(seams_.random));
    stage_meta(kClusterId, cluster_id_);
  }
  TRY(producer_id, seams_.store.get(Family::state, state_key(StateKind::meta, kNextProducerId)));
  if (producer_id) {
    if (producer_id->size() != sizeof(std::int64_t)) {
      return fail(Code::corrupt, "the stored number of the next producer id is damaged");
    }
    next_producer_id_ = producer_ids_durable_ = load_be<std::int64_t>(producer_id->data());
  }
  TRY_VOID(topics_.recover());
  TRY_VOID(offsets_.recover());
  for (const auto& [group, offsets] : offsets_.groups()) {
    groups_.keep_for_offsets(group);
  }
  return {};
}

Result<void> Broker::check_format() {
  TRY(stored, seams_.store.get(Family::state, state_key(StateKind::meta, kFormat)));
  if (!stored) {
    Buffer version;
    append_be(version, kFormatVersion);
    stage_meta(kFormat, std::move(version));
    return {};
  }
  const auto version =
      stored->size() == sizeof(kFormatVersion) ? load_be<std::uint32_t>(stored->data()) : 0;
  if (version == kFormatVersion) return {};
  return fail(
      Code::unsupported,
      fmt::format("the data directory has format version {}, this program reads version {}: "
                  "start it with the release that wrote it",
                  version, kFormatVersion));
}

void Broker::stage_meta(std::string_view name, Buffer value) {
  committer_.put(state_key(StateKind::meta, name), std::move(value));
}

void Broker::begin_stop() {
  stopping_ = true;
  groups_.stop();
  for (auto& [token, parked] : std::exchange(parked_, {})) parked->set(false);
}

void Broker::tick() {
  const Instant now = seams_.clock.now();
  groups_.tick(now);
  resume(fetch_waiters_.expire(now));
  expire_producers(now);
  arm();
}

// What is forgotten goes from the store with whatever is committed next: there is no hurry.
void Broker::expire_producers(Instant now) {
  if (now < expire_producers_at_) return;
  expire_producers_at_ = now + kExpireProducersEvery;
  for (const auto& [name, topic] : topics_.all()) {
    for (const auto& partition : topic->partitions)
      partition->expire_producers(seams_.clock.wall());
  }
}

std::string Broker::unhealthy() const {
  return committer_.failure() ? committer_.failure()->context : std::string();
}

Task<Result<std::int64_t>> Broker::new_producer_id() {
  const std::int64_t id = next_producer_id_++;
  if (id < producer_ids_durable_) co_return id;
  Buffer reserved;
  append_be(reserved, id + kProducerIdBlock);
  stage_meta(kNextProducerId, std::move(reserved));
  CO_TRY_VOID(co_await committer_.commit());
  producer_ids_durable_ = std::max(producer_ids_durable_, id + kProducerIdBlock);
  co_return id;
}

Task<bool> Broker::wait_for_records(Instant deadline, std::size_t min_bytes,
                                    std::vector<FetchWaiters::Available> partitions) {
  if (stopping_) co_return false;
  const FetchToken token{next_token_++};
  OneShot<bool> ready;
  switch (fetch_waiters_.add(seams_.clock.now(), token, deadline, min_bytes, partitions)) {
    case FetchWaiters::Added::ready:
      co_return true;
    case FetchWaiters::Added::full:
      co_return false;
    case FetchWaiters::Added::parked:
      break;
  }
  parked_.emplace(token.value, &ready);
  arm();
  co_return co_await ready;
}

void Broker::wake_fetches(PartitionId partition) {
  resume(fetch_waiters_.wake_partition(partition));
}

void Broker::resume(const std::vector<FetchToken>& ready) {
  for (const FetchToken token : ready) {
    const auto parked = parked_.extract(token.value);
    if (!parked.empty()) parked.mapped()->set(true);
  }
}

void Broker::arm() {
  seams_.wake_at(
      std::min({groups_.next_deadline(), fetch_waiters_.next_deadline(), expire_producers_at_}));
}

}  // namespace sluice::broker
