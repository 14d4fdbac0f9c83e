#pragma once
// Broker: all domain state of one server, without sockets: handlers (broker/handlers/) work on it,
// connections feed it, the simulation drives it. Lives on the loop thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "broker/fetch/fetch_waiters.h"
#include "broker/group_service.h"
#include "broker/log/cleaner.h"
#include "broker/log/committer.h"
#include "broker/log/delayer.h"
#include "broker/log/key_indexer.h"
#include "broker/log/reclaimer.h"
#include "broker/log/store.h"
#include "broker/offsets.h"
#include "broker/topics.h"
#include "shared/async/gate.h"
#include "shared/async/offload.h"
#include "shared/base/clock.h"
#include "shared/base/random.h"

namespace sluice::broker {

struct BrokerOptions {
  std::int32_t node_id = 1;
  // Topics that a client names and nobody created: made with num_partitions partitions, or unknown.
  bool auto_create_topics = true;
  std::int32_t num_partitions = 1;
  // Partitions x bytes that one fetch may carry, whatever the client asks for (Kafka's
  // fetch.max.bytes).
  std::int32_t fetch_bytes_max = 50 << 20;
  TopicLimits topics;
  // Delayed records that may wait, of all topics.
  std::uint64_t delayed_records_max = 100'000'000;
  CommitterOptions committer;
  // Memory for the newest batches of all partitions: consumers that keep up read only there.
  std::size_t tail_cache_bytes = 64 << 20;
  // Memory for the keys of one pass of compaction.
  std::size_t cleaner_map_bytes = 64 << 20;
  // How often retention and compaction are looked at.
  Millis retention_interval{30'000};
  CoordinatorOptions groups;
};

// What the broker runs on; outlives it. The simulation brings its own of each.
struct BrokerSeams {
  const Clock& clock;
  Random& random;
  Store& store;
  Offload& commit_thread;  // one thread: writes happen in order
  Offload& readers;
  Offload& maintenance;  // one thread: compacts, gives space back to the disk
  // Asks for a call of tick() at that instant (an earlier one is harmless).
  std::function<void(Instant)> wake_at;
};

class Broker {
 public:
  Broker(BrokerOptions options, BrokerSeams seams);

  // Reads the store. Errors: a newer stored format, damage. Call once, before anything else.
  Result<void> start();
  // Answers what is parked, so that connections can finish.
  void begin_stop();
  // Waits for the commits under way. No handler may be called any more.
  Task<void> stop();

  // Runs what is due: group timeouts, fetches whose wait is over.
  void tick();

  // The address that Metadata and FindCoordinator tell to clients; known once the socket is bound.
  void advertise(std::string host, std::int32_t port) {
    host_ = std::move(host);
    port_ = port;
  }

  // Why the broker cannot take writes; empty when it can.
  std::string not_ready() const { return committer_.refusal(); }
  // The same, or which stored records could not be read; empty when all is well.
  std::string unhealthy() const;
  // How often appends came to be refused, since the start.
  std::uint64_t refusals() const { return refusals_; }
  // Reads that met damage, since the start.
  std::uint64_t damaged_reads() const { return damaged_reads_; }

  const BrokerOptions& options() const { return options_; }
  const std::string& host() const { return host_; }
  std::int32_t port() const { return port_; }
  const std::string& cluster_id() const { return cluster_id_; }
  const Clock& clock() const { return seams_.clock; }
  Random& random() { return seams_.random; }
  Topics& topics() { return topics_; }
  Offsets& offsets() { return offsets_; }
  GroupService& groups() { return groups_; }
  Committer& committer() { return committer_; }
  const TailCache& tail() const { return tail_; }
  const Segments& segments() const { return segments_; }
  const CleanerStats& compaction() const { return cleaner_.stats(); }
  // Partitions that compaction found damaged and leaves alone until a restart.
  std::size_t uncleanable() const { return uncleanable_.size(); }

  // Partitions whose key index is still being built, or was given up for damage.
  std::size_t unindexed() const { return unindexed_logs().size(); }
  const KeyIndexer& key_indexer() const { return key_indexer_; }
  Delayer& delayer() { return delayer_; }
  // Delayed records that wait, of all topics.
  std::uint64_t delayed_records() const { return log_.delays.pending; }
  Offload& readers() { return seams_.readers; }
  const Store& store() const { return seams_.store; }
  // After a change of a topic's configuration: builds key indexes, or gives the space of one back.
  void topic_configured(bool key_index_removed);

  // Gives the space of segments that nobody wants back to the disk, after a commit that forgot
  // some.
  void collect_garbage();

  // A new producer id, durable before it is given out (KIP-98).
  Task<Result<std::int64_t>> new_producer_id();

  // Parks a fetch until min_bytes more can be read of the given partitions, or until `deadline`.
  // False: too many fetches are parked; the caller answers at once with what it has.
  Task<bool> wait_for_records(Instant deadline, std::size_t min_bytes,
                              std::vector<FetchWaiters::Available> partitions);
  // A deleted partition has nothing to wait for.
  void partition_deleted(PartitionId partition);

 private:
  Result<void> check_format();
  void stage_meta(std::string_view name, Buffer value);
  void note_damage(PartitionId partition, const Error& error);
  void resume(const std::vector<FetchToken>& ready);
  void expire_producers(Instant now);
  void enforce_retention(Instant now);
  Task<void> reclaim();
  std::vector<Cleaner::Job> compaction_jobs() const;
  Task<void> compact();
  void run_maintenance();
  Task<void> maintain();
  std::vector<std::shared_ptr<PartitionLog>> unindexed_logs() const;
  Task<void> build_indexes();
  Task<void> reclaim_index();
  void housekeep(Instant now);
  Task<void> housekeep_store();
  bool falls_idle();
  void note_refusal();
  void arm();

  BrokerOptions options_;
  BrokerSeams seams_;
  Committer committer_;
  TailCache tail_;
  Segments segments_;
  LogContext log_;
  Cleaner cleaner_;
  KeyIndexer key_indexer_;
  Reclaimer reclaimer_;
  Delayer delayer_;
  Topics topics_;
  Offsets offsets_;
  GroupService groups_;
  FetchWaiters fetch_waiters_;
  std::unordered_map<std::uint64_t, OneShot<bool>*> parked_;
  std::uint64_t next_token_ = 0;
  std::int64_t next_producer_id_ = 0;      // given out next
  std::int64_t producer_ids_durable_ = 0;  // ids below this are reserved in the store
  std::uint64_t damaged_reads_ = 0;
  std::unordered_set<PartitionId> damaged_;  // said already
  std::string damage_;                       // the first that was met
  bool stopping_ = false;
  Instant expire_producers_at_{};
  Instant enforce_retention_at_{};
  Instant housekeep_at_{};
  bool reclaiming_ = false;
  bool maintaining_ = false;
  bool maintain_again_ = false;
  std::set<PartitionId> uncleanable_;
  std::set<PartitionId> unindexable_;
  bool housekeeping_ = false;
  std::uint64_t commits_seen_ = 0;
  std::optional<Instant> idle_at_;  // unless something is written before
  std::string refusal_;             // as the log has it
  std::uint64_t refusals_ = 0;
  Gate gate_;
  std::string host_;
  std::int32_t port_ = 0;
  std::string cluster_id_;
};

}  // namespace sluice::broker
