#include "broker/broker.h"

#include <malloc.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "shared/async/one_shot.h"
#include "shared/log/log.h"

namespace sluice::broker {
namespace {

constexpr std::string_view kFormat = "format";
constexpr std::string_view kClusterId = "cluster_id";
constexpr std::string_view kNextProducerId = "next_producer_id";

// Producer ids are reserved in the store by blocks, so that most InitProducerId need no commit. A
// block that a crash cuts short is skipped: ids need to be unique, not dense.
constexpr std::int64_t kProducerIdBlock = 1000;

constexpr Millis kExpireProducersEvery{600'000};
constexpr Millis kHousekeepEvery{1'000};
constexpr Millis kIdleAfter{10'000};

}  // namespace

Broker::Broker(BrokerOptions options, BrokerSeams seams)
    : options_(options),
      seams_(std::move(seams)),
      committer_(seams_.store, seams_.commit_thread, seams_.clock, options.committer),
      tail_(options.tail_cache_bytes),
      log_{seams_.store,
           seams_.readers,
           committer_,
           tail_,
           segments_,
           [this](PartitionId partition, std::size_t bytes) {
             resume(fetch_waiters_.appended(partition, bytes));
           },
           [this](PartitionId partition, const Error& error) { note_damage(partition, error); },
           [this](std::shared_ptr<PartitionLog> log, DelayPosition from) {
             delayer_.add(std::move(log), from);
           },
           {.pending_max = options.delayed_records_max}},
      cleaner_(log_, seams_.maintenance, seams_.clock, options.cleaner_map_bytes),
      key_indexer_(log_, seams_.maintenance),
      reclaimer_(log_, seams_.maintenance),
      delayer_(log_, seams_.readers, seams_.clock, [this] { arm(); }),
      topics_(log_, seams_.random, options.topics),
      offsets_(seams_.store, committer_),
      groups_(options.groups, seams_.clock, seams_.random, [this] { arm(); }),
      fetch_waiters_(FetchWaiters::Options{}) {
  committer_.on_caught_up([this] {
    for (const auto& [name, topic] : topics_.all()) {
      for (const auto& partition : topic->partitions) partition->catch_up();
    }
    delayer_.caught_up();
    note_refusal();
  });
}

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
  // A new segment: what the start replayed lies in files of its own.
  TRY(segment, topics_.next_segment());
  committer_.set_segment(segment);
  TRY_VOID(offsets_.recover());
  for (const auto& [group, offsets] : offsets_.groups()) {
    groups_.keep_for_offsets(group);
  }
  // Whoever only produces wakes nobody, and his records have to be retained and compacted too.
  arm();
  return {};
}

Result<void> Broker::check_format() {
  TRY(stored, seams_.store.get(Family::state, state_key(StateKind::meta, kFormat)));
  const auto version = stored && stored->size() == sizeof(kFormatVersion)
                           ? load_be<std::uint32_t>(stored->data())
                           : 0;
  if (version == kFormatVersion) return {};
  if (!stored || readable_format(version)) {
    Buffer current;
    append_be(current, kFormatVersion);
    stage_meta(kFormat, std::move(current));
    return {};
  }
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
  cleaner_.stop();
  key_indexer_.stop();
  reclaimer_.stop();
  delayer_.stop();
  seams_.store.stop_reclaiming();
  groups_.stop();
  for (auto& [token, parked] : std::exchange(parked_, {})) parked->set(false);
}

void Broker::tick() {
  const Instant now = seams_.clock.now();
  groups_.tick(now);
  resume(fetch_waiters_.expire(now));
  delayer_.tick();
  expire_producers(now);
  enforce_retention(now);
  housekeep(now);
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

void Broker::housekeep(Instant now) {
  if (now < housekeep_at_) return;
  housekeep_at_ = now + kHousekeepEvery;
  if (!housekeeping_ && !stopping_) gate_.spawn(housekeep_store());
}

Task<void> Broker::housekeep_store() {
  housekeeping_ = true;
  auto job = [&store = seams_.store, trim = falls_idle()] {
    if (trim) (void)malloc_trim(0);
    return store.housekeep();
  };
  (void)co_await seams_.maintenance.run(std::move(job));  // the next one tries again
  housekeeping_ = false;
  committer_.retry();
  note_refusal();
}

// True once after each time that something was written. The allocator keeps what a burst freed,
// two thirds of all that is resident then, and looks for it only when it is asked. That takes some
// milliseconds, in which nobody gets memory.
bool Broker::falls_idle() {
  const Instant now = seams_.clock.now();
  const std::uint64_t commits = committer_.stats().commits;
  if (std::exchange(commits_seen_, commits) != commits) {
    idle_at_ = now + kIdleAfter;
    return false;
  }
  if (!idle_at_ || now < *idle_at_) return false;
  idle_at_.reset();
  return true;
}

// A log line when the store stops taking appends or has another reason, one when it goes on.
void Broker::note_refusal() {
  std::string refusal = committer_.refusal();
  if (refusal == refusal_) return;
  if (refusal_.empty()) refusals_ += 1;
  refusal_ = std::move(refusal);
  if (refusal_.empty()) {
    log::info("appends are taken again");
    return;
  }
  log::error("appends are refused, reads go on reason={}", log::quoted(refusal_));
}

void Broker::enforce_retention(Instant now) {
  if (now < enforce_retention_at_) return;
  enforce_retention_at_ = now + options_.retention_interval;
  for (const auto& [name, topic] : topics_.all()) {
    const Retention retention = topic->config.retention();
    const bool compacts = topic->config.compacts();
    if (!retention.ms && !retention.bytes && !compacts) continue;
    const WallTime wall = seams_.clock.wall();
    for (const auto& partition : topic->partitions) {
      const bool roll = !partition->retain(retention, wall) ||
                        (compacts && partition->wants_roll(topic->config.compaction(), wall));
      if (roll) committer_.roll_segment();
    }
  }
  collect_garbage();
  run_maintenance();
}

void Broker::run_maintenance() {
  maintain_again_ = true;
  if (!maintaining_ && !stopping_) gate_.spawn(maintain());
}

// One after the other: what one has read must still be there when it stages what follows from it.
Task<void> Broker::maintain() {
  maintaining_ = true;
  while (std::exchange(maintain_again_, false) && !stopping_) {
    co_await compact();
    co_await build_indexes();
  }
  maintaining_ = false;
}

std::vector<std::shared_ptr<PartitionLog>> Broker::unindexed_logs() const {
  std::vector<std::shared_ptr<PartitionLog>> logs;
  for (const auto& [name, topic] : topics_.all()) {
    if (!topic->config.key_index()) continue;
    std::ranges::copy_if(topic->partitions, std::back_inserter(logs),
                         [](const auto& log) { return log->unindexed().has_value(); });
  }
  return logs;
}

Task<void> Broker::build_indexes() {
  for (const auto& log : unindexed_logs()) {
    if (unindexable_.contains(log->id())) continue;
    const auto built = co_await key_indexer_.build(log);
    if (built || log->closed()) continue;
    if (!committer_.refusal().empty()) break;
    unindexable_.insert(log->id());
    log::error("the key index of partition number {} is incomplete until a restart reason={}",
               log->id(), log::quoted(built.error().context));
  }
}

void Broker::topic_configured(bool key_index_removed) {
  run_maintenance();
  if (key_index_removed && !stopping_) gate_.spawn(reclaim_index());
}

// An operator's doing, and rare: all of the index is rewritten without what was removed.
Task<void> Broker::reclaim_index() {
  auto job = [&store = seams_.store, end = committer_.segment() + 1] {
    return store.reclaim(Family::index, segment_begin(0), segment_begin(end),
                         [](ByteView) { return true; });
  };
  (void)co_await seams_.maintenance.run(std::move(job));  // costs space, not entries
}

std::vector<Cleaner::Job> Broker::compaction_jobs() const {
  std::vector<Cleaner::Job> jobs;
  for (const auto& [name, topic] : topics_.all()) {
    if (!topic->config.compacts()) continue;
    const CompactionRules& rules = topic->config.compaction();
    for (const auto& partition : topic->partitions) {
      if (uncleanable_.contains(partition->id())) continue;
      if (partition->cleanable(rules, seams_.clock.wall()).worth_it) {
        jobs.push_back({partition, rules});
      }
    }
  }
  return jobs;
}

Task<void> Broker::compact() {
  // What was rolled for it is closed once a write has passed.
  (void)co_await committer_.commit();
  const std::vector<Cleaner::Job> jobs = compaction_jobs();
  for (const Cleaner::Job& job : jobs) {
    const auto cleaned = co_await cleaner_.clean(job);
    if (cleaned || job.log->closed()) continue;
    if (!committer_.refusal().empty()) break;
    uncleanable_.insert(job.log->id());
    log::error("compaction of partition number {} gave up until a restart reason={}", job.log->id(),
               log::quoted(cleaned.error().context));
  }
  if (!jobs.empty()) collect_garbage();
}

void Broker::collect_garbage() {
  if (!reclaiming_ && !stopping_) gate_.spawn(reclaim());
}

Task<void> Broker::reclaim() {
  reclaiming_ = true;
  const auto done =
      co_await reclaimer_.run([this] { return topics_.wanted(committer_.segment()); });
  if (!done && !stopping_ && committer_.refusal().empty()) {
    log::warning("space of forgotten records was not given back, which is tried again reason={}",
                 log::quoted(done.error().context));
  }
  reclaiming_ = false;
}

Task<void> Broker::stop() {
  co_await gate_.close();
  co_await delayer_.close();
  co_await committer_.close();
}

std::string Broker::unhealthy() const {
  std::string reason = not_ready();
  return reason.empty() ? damage_ : reason;
}

// One log line a partition: a consumer asks for the same records again and again.
void Broker::note_damage(PartitionId partition, const Error& error) {
  damaged_reads_ += 1;
  if (!damaged_.insert(partition).second) return;
  for (const auto& [name, topic] : topics_.all()) {
    for (std::size_t index = 0; index < topic->partitions.size(); ++index) {
      if (topic->partitions[index]->id() != partition) continue;
      log::error("damaged records topic={} partition={} reason={}", name, index,
                 log::quoted(error.context));
      if (!damage_.empty()) return;
      damage_ = fmt::format("records of topic {} partition {} cannot be read: {}", name, index,
                            error.context);
      return;
    }
  }
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

void Broker::partition_deleted(PartitionId partition) {
  delayer_.forget(partition);
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
      std::min({groups_.next_deadline(), fetch_waiters_.next_deadline(), delayer_.next_deadline(),
                expire_producers_at_, enforce_retention_at_, housekeep_at_}));
}

}  // namespace sluice::broker
