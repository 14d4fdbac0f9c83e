#include "broker/log/delayer.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace sluice::broker {

void Delayer::add(std::shared_ptr<PartitionLog> log, DelayPosition from) {
  const auto before = schedule_.next_due_ms();
  const PartitionId id = log->id();
  logs_.insert_or_assign(id, std::move(log));
  schedule_.add({id, from});
  if (schedule_.next_due_ms() != before) rearm_();
}

void Delayer::forget(PartitionId partition) {
  logs_.erase(partition);
  schedule_.forget(partition);
  std::erase_if(unreadable_, [&](const Look& look) { return look.log->id() == partition; });
}

Task<Result<bool>> Delayer::cancel(std::shared_ptr<PartitionLog> log, DelayPosition at) {
  if (stopping_) co_return fail(Code::closed, "the broker is stopping");
  if (const auto& failure = context_.committer.failure()) co_return std::unexpected(*failure);
  if (blocked_) co_return fail(Code::overloaded, context_.committer.refusal());
  if (cancels_.size() >= kCancelsWaitingMax) {
    co_return fail(Code::overloaded, "too many delayed records are being cancelled");
  }
  OneShot<Result<bool>> done;
  cancels_.push_back({.log = std::move(log), .at = at, .done = &done});
  tick();
  co_return co_await done;
}

void Delayer::tick() {
  if (!unreadable_.empty() && clock_.now() >= retry_at_) {
    for (Look& look : std::exchange(unreadable_, {})) add(std::move(look.log), look.from);
  }
  if (running_ || blocked_ || stopping_) return;
  const auto next = schedule_.next_due_ms();
  const bool due = next && *next <= clock_.wall().unix_millis && can_deliver();
  if (due || !cancels_.empty()) gate_.spawn(run());
}

bool Delayer::can_deliver() const {
  return context_.committer.refusal().empty();
}

Instant Delayer::next_deadline() const {
  const auto next = schedule_.next_due_ms();
  if (!next || running_ || blocked_ || stopping_ || !can_deliver()) return Instant::never();
  // The wall clock may step; whoever sleeps for long looks again.
  static constexpr std::int64_t kSleepMaxMs = 86'400'000;
  const std::int64_t left = *next - clock_.wall().unix_millis;
  return clock_.now() + Millis(std::clamp<std::int64_t>(left, 0, kSleepMaxMs));
}

void Delayer::caught_up() {
  blocked_ = false;
  tick();
  rearm_();
}

void Delayer::stop() {
  stopping_ = true;
  for (Cancel& cancel : std::exchange(cancels_, {})) {
    cancel.done->set(fail(Code::closed, "the broker is stopping"));
  }
}

Delayer::Round Delayer::next_round() {
  Round round{.now = clock_.wall(), .cancels = {}, .looks = {}};
  const auto some = std::min(cancels_.size(), kCancelsMax);
  const auto end = cancels_.begin() + static_cast<std::ptrdiff_t>(some);
  std::move(cancels_.begin(), end, std::back_inserter(round.cancels));
  cancels_.erase(cancels_.begin(), end);
  if (!can_deliver()) return round;
  for (const auto& place : schedule_.take_due(round.now, kPartitionsMax)) {
    const auto log = logs_.extract(place.partition);
    if (!log.mapped()->closed()) round.looks.push_back({.log = log.mapped(), .from = place.from});
  }
  return round;
}

Task<void> Delayer::run() {
  running_ = true;
  while (!stopping_ && !blocked_) {
    Round round = next_round();
    if (round.cancels.empty() && round.looks.empty()) break;
    co_await play(std::move(round));
  }
  running_ = false;
  rearm_();
}

// On a reader thread.
void Delayer::read(const Store& store, Round& round) {
  std::map<PartitionId, std::set<DelayPosition>> cancelled;
  for (Cancel& cancel : round.cancels) {
    const auto value = store.get(Family::delay, delay_key(cancel.log->id(), cancel.at));
    if (!value) {
      cancel.found = std::unexpected(value.error());
    } else if (*value) {
      // Once only: two may ask for the same.
      cancel.found = cancelled[cancel.log->id()].insert(cancel.at).second;
    }
  }
  std::size_t bytes = 0;
  for (Look& look : round.looks) {
    if (bytes >= kBytesMax) break;
    look.scan = read_due(store, look.log->id(), look.from, round.now, cancelled[look.log->id()],
                         DueLimits{});
    look.read = true;
    if (look.scan.due) bytes += look.scan.due->batch.size();
  }
}

Task<void> Delayer::play(Round round) {
  auto job = [&store = context_.store, &round] { read(store, round); };
  co_await readers_.run(std::move(job));
  co_await context_.committer.room();
  // From here to the commits nothing is waited for: one write carries all of it.
  stage_cancels(round.cancels);
  std::vector<std::vector<DelayPosition>> delivered;
  auto appends = stage_looks(round, delivered);
  Result<void> done = co_await context_.committer.commit();
  for (auto& append : appends) {
    const auto appended = co_await append;
    if (appended.error != wire::ErrorCode::none && done) {
      done = fail(Code::storage, context_.committer.refusal());
    }
  }
  finish(round, done);
  if (!done) co_return;
  const std::int64_t now = clock_.wall().unix_millis;
  for (const auto& positions : delivered) {
    stats_.delivered += positions.size();
    if (!on_delivered_) continue;
    for (const DelayPosition at : positions) on_delivered_(Millis(now - at.due_ms));
  }
}

void Delayer::stage_cancels(std::vector<Cancel>& cancels) {
  for (Cancel& cancel : cancels) {
    if (!cancel.found || !*cancel.found) continue;
    if (cancel.log->closed()) {
      cancel.found = false;
    } else {
      cancel.log->delays().stage_gone({&cancel.at, 1});
    }
  }
}

std::vector<Task<PartitionLog::Appended>> Delayer::stage_looks(
    Round& round, std::vector<std::vector<DelayPosition>>& delivered) {
  std::vector<std::pair<std::shared_ptr<PartitionLog>, PartitionLog::Staged>> staged;
  for (Look& look : round.looks) {
    if (look.log->closed()) continue;
    if (look.scan.damage && context_.damaged) context_.damaged(look.log->id(), *look.scan.damage);
    if (look.scan.due) {
      auto positions = look.scan.due->positions;
      auto append = look.log->stage_due(std::move(*look.scan.due), round.now);
      if (append) {
        staged.emplace_back(look.log, std::move(*append));
        delivered.push_back(std::move(positions));
      } else {
        look.read = false;
      }
    }
    schedule(look);
  }
  std::vector<Task<PartitionLog::Appended>> appends;
  for (auto& [log, append] : staged) appends.push_back(log->commit(std::move(append)));
  return appends;
}

// Where the next look begins.
void Delayer::schedule(Look& look) {
  if (!look.read) return add(look.log, look.from);
  if (!look.scan.next) return;
  if (!look.scan.cut_short) return add(look.log, *look.scan.next);
  retry_at_ = clock_.now() + kRetryAfter;
  unreadable_.push_back({.log = look.log, .from = *look.scan.next});
}

// Tells those who cancel. After a failure nothing begins before what was staged is there; a failure
// for good is until a restart.
void Delayer::finish(Round& round, const Result<void>& done) {
  if (!done) blocked_ = true;
  for (Cancel& cancel : round.cancels) {
    const bool staged = cancel.found && *cancel.found;
    if (staged && !done) cancel.found = std::unexpected(done.error());
    if (staged && done) stats_.cancelled += 1;
    cancel.done->set(std::move(cancel.found));
  }
  if (done) return;
  for (Cancel& cancel : std::exchange(cancels_, {})) {
    cancel.done->set(std::unexpected(done.error()));
  }
}

}  // namespace sluice::broker
