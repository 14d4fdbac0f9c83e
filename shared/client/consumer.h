#pragma once
// Reads records, from partitions assigned by hand or by a consumer group.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/client/settings.h"

namespace sluice::client {

struct HeaderView {
  std::string_view name;
  std::optional<ByteView> value;
};

// A record as it was read; all views live as long as the Batch it came in.
struct Record {
  std::string_view topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = -1;  // -1: none
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  std::vector<HeaderView> headers;
};

// What one poll brought. Owns the memory that its records point into; move-only. Keeps the
// connection's memory alive, so drop it before long.
class Batch {
 public:
  Batch();
  ~Batch();
  Batch(Batch&&) noexcept;
  Batch& operator=(Batch&&) noexcept;

  // In order within each partition.
  std::span<const Record> records() const;

  // Partitions whose end was reached, with the offset to be read next (ConsumerOptions
  // .report_ends). Reported again after each further record there.
  std::span<const TopicPartition> ends() const;

  bool empty() const { return records().empty() && ends().empty(); }

 private:
  friend class Consumer;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A member of a consumer group. The hooks run inside Consumer::poll() and close(), on its thread.
struct GroupOptions {
  std::string group_id;
  std::vector<std::string> topics;
  std::string group_instance_id;  // static membership (KIP-345); empty: dynamic
  Millis session_timeout{45'000};
  Millis heartbeat_interval{3'000};
  Millis max_poll_interval{300'000};

  // Gets the partitions that this member now owns; returns them with the offsets to start from
  // (kOffsetCommitted where the group's commit decides). Without a hook the commits decide. After
  // an error nothing is consumed, poll() returns it, and the owner closes the consumer.
  std::move_only_function<Result<std::vector<TopicPartition>>(std::vector<TopicPartition>)>
      on_assigned;

  // Gets the partitions that are taken away. `lost`: another member may own them already, so a
  // commit is refused.
  std::move_only_function<void(std::vector<TopicPartition>, bool lost)> on_revoked;
};

struct ConsumerOptions {
  std::optional<GroupOptions> group;  // nothing: assign() by hand
  enum class Missing { earliest, latest, error };
  Missing missing_offset = Missing::error;  // what to do when the start offset is not kept
  bool report_ends = false;
  bool headers = true;  // false: records come without theirs, which spares a tenth of the reading
  bool read_uncommitted = false;  // else only committed transactions are seen
  Millis fetch_wait_max{500};     // long-poll at the server
  std::int32_t fetch_bytes_min = 1;
  std::int64_t prefetch_bytes_max = 16LL << 20;  // per partition, rounded up to KiB
};

// Blocking; used by one thread, its owner's. Commits only what it is told to.
class Consumer {
 public:
  // Does not wait for a server. With a group it subscribes at once; partitions come during poll().
  static Result<std::unique_ptr<Consumer>> open(const Settings& settings, ConsumerOptions options);

  // As close(), with its default timeout.
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // Replaces the partitions that are read; every offset is given or logical.
  // REQUIRES: no group.
  Result<void> assign(std::span<const TopicPartition> partitions);

  // Waits for the first record (or end, or rebalance) up to the timeout, then takes what else is
  // there. An empty batch is no error. Errors: out_of_range (the offset is not kept and
  // missing_offset is error), not_found (no such topic or partition), unavailable, fenced, …;
  // after a transport error poll again: the connection is retried inside.
  Result<Batch> poll(std::size_t max_records, Millis timeout);

  // What is assigned now, by hand or by the group.
  std::vector<TopicPartition> assignment() const;

  // Paused partitions stay assigned and bring no records; drops what was prefetched.
  Result<void> pause(std::span<const TopicPartition> partitions);
  Result<void> resume(std::span<const TopicPartition> partitions);
  Result<void> seek(std::span<const TopicPartition> partitions, Millis timeout);

  // Offsets are those to be read next. `wait`: returns when the server answered; else it is only
  // a hint that is sent some time later.
  enum class Wait { yes, no };
  Result<void> commit(std::span<const TopicPartition> next_offsets, Wait wait);

  // The group's commits for these partitions; kOffsetUnknown where there is none.
  Result<std::vector<TopicPartition>> committed(std::span<const TopicPartition> partitions,
                                                Millis timeout);

  // Asks the server.
  Result<Watermarks> watermarks(const std::string& topic, std::int32_t partition, Millis timeout);

  // For each partition the first offset whose record is at or after its `offset` read as Unix ms;
  // kOffsetEnd where there is none.
  Result<std::vector<TopicPartition>> offsets_at(std::span<const TopicPartition> times,
                                                 Millis timeout);

  // Leaves the group (revoking first) and stops fetching. Bounded by the timeout, after which the
  // server finds out by the session timeout.
  Result<void> close(Millis timeout = Millis(5'000));

 private:
  struct Impl;
  explicit Consumer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::client
