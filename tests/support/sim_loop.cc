#include "tests/support/sim_loop.h"

#include <algorithm>
#include <utility>

namespace sluice {

void SimLoop::at(Instant when, Job job) {
  if (when <= clock_.now()) {
    post(std::move(job));
  } else if (when != Instant::never()) {
    waiting_.emplace(when, std::move(job));
  }
}

void SimLoop::wake_due() {
  while (!waiting_.empty() && waiting_.begin()->first <= clock_.now()) {
    ready_.push_back(std::move(waiting_.begin()->second));
    waiting_.erase(waiting_.begin());
  }
}

bool SimLoop::step() {
  wake_due();
  if (ready_.empty()) {
    if (waiting_.empty()) return false;
    const auto jump = waiting_.begin()->first - clock_.now();
    clock_.advance(std::chrono::ceil<Millis>(jump));
    wake_due();
  }
  std::swap(ready_[random_.below(ready_.size())], ready_.back());
  Job job = std::move(ready_.back());
  ready_.pop_back();
  ++ticks_;
  job();
  return true;
}

bool SimLoop::run(const std::function<bool()>& done, std::size_t ticks) {
  for (std::size_t i = 0; i < ticks; ++i) {
    if (done() || !step()) return true;
  }
  return done();
}

bool SimLoop::run_dry(std::size_t ticks) {
  return run([this] { return ready_.empty() && waiting_.empty(); }, ticks);
}

void SimLoop::run_until(Instant until) {
  const auto due = [this, until] {
    return !ready_.empty() || (!waiting_.empty() && waiting_.begin()->first < until);
  };
  while (due()) step();
  if (clock_.now() < until) clock_.advance(std::chrono::ceil<Millis>(until - clock_.now()));
}

}  // namespace sluice
