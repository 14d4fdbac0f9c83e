#include "frontend/waiting_line.h"

#include <algorithm>
#include <utility>

namespace sluice::frontend {
namespace {

constexpr std::int64_t kSecond = 1'000;
// A line that was not looked at for longer has called whoever was in it.
constexpr std::int64_t kElapsedMax = 10LL * 366 * 86'400 * kSecond;
// Numbers of one record beyond what is in use: a second's worth of calls, or a few. The most is
// what one frontend can give out in the time of a slow write.
constexpr std::int64_t kAheadMin = 8;
constexpr std::int64_t kAheadMax = 100'000;
// Between two questions whether a record is due this many times as much may come as came lately.
constexpr std::int64_t kWrites = 4;

}  // namespace

WaitingLine::WaitingLine(LineRecord durable, std::int64_t now)
    : durable_(std::move(durable)),
      shuffle_(durable_.secret, std::max<std::int64_t>(durable_.shuffled, 0)),
      // Behind all that a process of before may have given out.
      next_(std::max(durable_.issued, started() ? free_until(now) : 0)) {}

std::int64_t WaitingLine::called_at(std::int64_t now) const {
  const std::int64_t elapsed = std::clamp<std::int64_t>(now - durable_.since, 0, kElapsedMax);
  return durable_.called + elapsed * durable_.rate / kSecond;
}

std::int64_t WaitingLine::time_of_call(std::int64_t place) const {
  const std::int64_t ahead = place - durable_.called;
  return durable_.since + (ahead * kSecond + durable_.rate - 1) / durable_.rate;
}

// Numbers below are called within a second from now: by the time that a process after this one
// begins it jumps over them.
std::int64_t WaitingLine::free_until(std::int64_t now) const {
  return called_at(now) + durable_.rate + 1;
}

bool WaitingLine::has_number(std::int64_t now) {
  // A line nobody stands in saves nothing up: who comes is called now, and the next after him.
  if (started()) next_ = std::max(next_, called_at(now));
  const bool is_free = started() && !repacing_ && next_ < free_until(now);
  starved_ = starved_ || (next_ >= durable_.issued && !is_free);
  return next_ < durable_.issued || is_free;
}

std::optional<std::int64_t> WaitingLine::take(std::int64_t now) {
  if (!has_number(now)) return std::nullopt;
  ++taken_;
  return next_++;
}

WaitingLine::Place WaitingLine::place(std::int64_t number, std::int64_t now) const {
  if (!started()) return {};
  const std::int64_t place = number < shuffle_.size() ? shuffle_.place_of(number) : number;
  const std::int64_t called = called_at(now);
  if (place > called) {
    return {.state = Place::State::waiting,
            .position = place - called,
            .wait_ms = std::max<std::int64_t>(time_of_call(place) - now, 0)};
  }
  const bool over = called - place > durable_.rate * kCalledFor.count() / kSecond;
  return {.state = over ? Place::State::over : Place::State::called};
}

std::optional<LineRecord> WaitingLine::due(std::int64_t now, bool starts, std::int64_t rate) {
  demand_ = std::max(std::exchange(taken_, 0), demand_ / 2);
  LineRecord next = durable_;
  if (starts && !started()) {
    next.shuffled = next_;
    next.since = now;
    next.rate = rate;
  }
  repacing_ = started() && rate != durable_.rate;
  if (repacing_) {
    next.called = called_at(now);
    next.since = now;
    next.rate = rate;
  }
  const std::int64_t least = std::clamp(rate, kAheadMin, kAheadMax);
  const std::int64_t ahead = std::clamp<std::int64_t>(kWrites * demand_, least, kAheadMax);
  // Numbers that were free at one rate need not be at another.
  const bool is_short =
      started() && !starved_ && !repacing_ && next_ < free_until(now) - durable_.rate / 2;
  if (!is_short && next_ + ahead / 2 >= durable_.issued) {
    next.issued = std::max(next.issued, next_ + ahead);
  }
  return next == durable_ ? std::nullopt : std::optional(std::move(next));
}

void WaitingLine::confirm(LineRecord record) {
  if (record.shuffled != durable_.shuffled) shuffle_ = Shuffle(record.secret, record.shuffled);
  durable_ = std::move(record);
  starved_ = false;
  repacing_ = false;
}

}  // namespace sluice::frontend
