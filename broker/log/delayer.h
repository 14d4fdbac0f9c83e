#pragma once
// Delayer: delivers delayed records when they are due, and cancels them. It works in rounds, one at
// a time: a look into the store on the reader threads, at what is due and at what is to be
// cancelled, then one commit of what follows from it. So a round sees everything that the one
// before did, and a record is delivered or cancelled, never both, never twice.
//
// Lives on the loop thread. Memory: a place for each partition that has delayed records, and what
// one round reads.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/delay/delay_schedule.h"
#include "broker/log/delay_reader.h"
#include "broker/log/partition_log.h"
#include "shared/async/gate.h"
#include "shared/async/offload.h"
#include "shared/async/one_shot.h"
#include "shared/async/task.h"
#include "shared/base/clock.h"

namespace sluice::broker {

// Since the start.
struct DelayerStats {
  std::uint64_t delivered = 0;
  std::uint64_t cancelled = 0;
};

class Delayer {
 public:
  // `rearm` is told when next_deadline() may have come nearer. REQUIRES: all of it outlives the
  // delayer.
  Delayer(LogContext& context, Offload& readers, const Clock& clock, std::function<void()> rearm)
      : context_(context), readers_(readers), clock_(clock), rearm_(std::move(rearm)) {}

  // The partition has delayed records at `from` or behind, durably.
  void add(std::shared_ptr<PartitionLog> log, DelayPosition from);
  // It was deleted.
  void forget(PartitionId partition);

  // Takes a delayed record away, durably. False: it is not there, or not any more. Errors:
  // Code::overloaded: too many are being cancelled, or the disk is full (then it may still happen);
  // Code::storage; Code::closed: the broker stops.
  Task<Result<bool>> cancel(std::shared_ptr<PartitionLog> log, DelayPosition at);

  // Delivers what is due, if anything is.
  void tick();
  // When tick() has something to do; never() while a round runs, or appends are refused: then it
  // wants to be called once a second.
  Instant next_deadline() const;

  // The writes that a full disk refused are durable (Committer::on_caught_up), and the partitions
  // have told what they have.
  void caught_up();

  // No round begins any more; close() waits for the one that runs.
  void stop();
  Task<void> close() { return gate_.close(); }

  // Of what is known to be next, Unix ms; less than that is possible right after a start.
  std::optional<std::int64_t> next_due_ms() const { return schedule_.next_due_ms(); }
  const DelayerStats& stats() const { return stats_; }
  // Told for each delivered record when readers see it: how long after it was due.
  void on_delivered(std::function<void(Millis late)> told) { on_delivered_ = std::move(told); }

 private:
  // Of one round.
  static constexpr std::size_t kPartitionsMax = 1'000;
  static constexpr std::size_t kBytesMax = 8 << 20;
  static constexpr std::size_t kCancelsMax = 1'000;  // more have to wait
  static constexpr std::size_t kCancelsWaitingMax = 10'000;
  // A store that could not be read may be read later.
  static constexpr Millis kRetryAfter{60'000};

  struct Cancel {
    std::shared_ptr<PartitionLog> log;
    DelayPosition at;
    OneShot<Result<bool>>* done;
    Result<bool> found = false;
  };
  struct Look {
    std::shared_ptr<PartitionLog> log;
    DelayPosition from;
    DueScan scan;
    bool read = false;  // there was time for it
  };
  struct Round {
    WallTime now;
    std::vector<Cancel> cancels;
    std::vector<Look> looks;
  };

  bool can_deliver() const;
  Round next_round();
  Task<void> run();
  Task<void> play(Round round);
  static void read(const Store& store, Round& round);
  void stage_cancels(std::vector<Cancel>& cancels);
  std::vector<Task<PartitionLog::Appended>> stage_looks(
      Round& round, std::vector<std::vector<DelayPosition>>& delivered);
  void schedule(Look& look);
  void finish(Round& round, const Result<void>& done);

  LogContext& context_;
  Offload& readers_;
  const Clock& clock_;
  std::function<void()> rearm_;
  std::function<void(Millis)> on_delivered_;
  DelaySchedule schedule_;
  std::unordered_map<PartitionId, std::shared_ptr<PartitionLog>> logs_;  // in the schedule
  std::vector<Look> unreadable_;                                         // wait for retry_at_
  Instant retry_at_{};
  std::vector<Cancel> cancels_;
  DelayerStats stats_;
  bool running_ = false;
  // A commit failed: what it holds may come true, so nothing may be read before it has.
  bool blocked_ = false;
  bool stopping_ = false;
  Gate gate_;
};

}  // namespace sluice::broker
