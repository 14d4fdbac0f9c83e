#pragma once
// FetchWaiters: the Fetch requests that are parked because fewer than min_bytes are there, and
// which of them an append, a deletion or the clock makes ready. It only counts: a ready fetch reads
// again from the log and is answered with whatever it then finds. Pure; on the broker's core loop.
// An append costs as much as there are waiters of that partition.

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/strong.h"

namespace sluice::broker {

// One parked fetch; the shell keeps token → waiting handler. Unique among the parked ones.
using FetchToken = Strong<struct FetchTokenTag, std::uint64_t>;

// A partition while the broker runs; the shell numbers them.
using FetchPartition = std::uint32_t;

class FetchWaiters {
 public:
  struct Options {
    // Parked fetches of the whole broker. At it add() refuses, and the fetch is answered at once
    // with what there is: clients poll more often, nothing breaks. One client connection parks one
    // fetch.
    std::size_t waiters_max = 100'000;
    // Partitions that all parked fetches wait for together; at it add() refuses as above. About 50
    // bytes each.
    std::size_t waits_max = 2'000'000;
  };

  enum class Added {
    parked,  // one of the other calls returns the token, once, unless it is removed
    ready,   // there is enough already, or its deadline has come: answer it now
    full,    // waiters_max or waits_max: answer it now
  };

  // `available` is what each partition has for this reader now, as far as its isolation level sees
  // it. A partition that is named twice counts once for wake-ups.
  struct Available {
    FetchPartition partition;
    std::uint64_t bytes;
  };

  explicit FetchWaiters(Options options) : options_(options) {}

  Added add(Instant now, FetchToken token, Instant deadline, std::uint64_t min_bytes,
            const std::vector<Available>& available);

  // The partition has `bytes` more for its readers. Each returns the tokens that are ready now, in
  // the order of their tokens (expire: of their deadlines); they are parked no longer.
  [[nodiscard]] std::vector<FetchToken> appended(FetchPartition partition, std::uint64_t bytes);
  // Whoever waits for it must look again: it was deleted, trimmed or lost its leader.
  [[nodiscard]] std::vector<FetchToken> wake_partition(FetchPartition partition);
  [[nodiscard]] std::vector<FetchToken> expire(Instant now);

  // The client is gone. false: it was not parked any more.
  bool remove(FetchToken token);

  // never() if nothing is parked.
  Instant next_deadline() const {
    return deadlines_.empty() ? Instant::never() : deadlines_.begin()->first;
  }
  std::size_t size() const { return waiters_.size(); }

 private:
  struct Waiter {
    Instant deadline;
    std::uint64_t missing;                   // bytes until min_bytes; > 0
    std::vector<FetchPartition> partitions;  // distinct
  };

  // Takes the waiter out of all indexes.
  void erase(FetchToken token);

  Options options_;
  boost::unordered_flat_map<std::uint64_t, Waiter> waiters_;
  boost::unordered_flat_map<FetchPartition, std::set<FetchToken>> by_partition_;  // none empty
  std::set<std::pair<Instant, FetchToken>> deadlines_;
  std::size_t waits_ = 0;
};

}  // namespace sluice::broker
