#pragma once
// Deadlines<Key>: for each key the instant at which it is due, ordered. Moving a deadline later,
// which is what every heartbeat does, is one hash lookup: the order keeps the older, earlier entry
// and corrects it when it comes up. So next() may be early, never late. Pure; owns its keys; as
// many entries as keys.

#include <boost/unordered/unordered_flat_map.hpp>
#include <optional>
#include <set>
#include <utility>

#include "shared/base/clock.h"

namespace sluice::broker {

template <class Key>
class Deadlines {
 public:
  // Instant::never() cancels.
  void set(const Key& key, Instant due) {
    if (due == Instant::never()) return cancel(key);
    auto [at, added] = timers_.try_emplace(key, Timer{due, due});
    if (added) {
      order_.emplace(due, key);
      return;
    }
    at->second.due = due;
    if (due < at->second.ordered) reorder(at->second, key);
  }

  void cancel(const Key& key) {
    auto at = timers_.find(key);
    if (at == timers_.end()) return;
    order_.erase({at->second.ordered, key});
    timers_.erase(at);
  }

  // At or before the earliest deadline; never() if there is none.
  Instant next() const { return order_.empty() ? Instant::never() : order_.begin()->first; }

  // Looks at the first entry only: its key if it is due (and then it is removed), nothing if it was
  // early. REQUIRES: next() <= now.
  std::optional<Key> pop_first(Instant now) {
    Key key = order_.begin()->second;
    auto at = timers_.find(key);
    if (at->second.due > now) {
      reorder(at->second, key);
      return std::nullopt;
    }
    order_.erase(order_.begin());
    timers_.erase(at);
    return key;
  }

  // The exact deadline; never() without one.
  Instant due(const Key& key) const {
    auto at = timers_.find(key);
    return at == timers_.end() ? Instant::never() : at->second.due;
  }

 private:
  struct Timer {
    Instant due;
    Instant ordered;  // where it stands in order_; <= due
  };

  void reorder(Timer& timer, const Key& key) {
    auto node = order_.extract({timer.ordered, key});
    node.value().first = timer.due;
    order_.insert(std::move(node));
    timer.ordered = timer.due;
  }

  boost::unordered_flat_map<Key, Timer> timers_;
  std::set<std::pair<Instant, Key>> order_;
};

}  // namespace sluice::broker
