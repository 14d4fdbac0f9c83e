#pragma once
// Latencies: how long each of many operations took, and the percentiles of that. One thread.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sluice::bench {

class Latencies {
 public:
  void reserve(std::size_t count) { all_.reserve(count); }
  void add(std::chrono::nanoseconds latency) { all_.push_back(latency); }
  void clear() { all_.clear(); }
  std::size_t count() const { return all_.size(); }

  // Microseconds; 0 when there are none. `share` from 0 to 1.
  std::int64_t percentile(double share) {
    if (all_.empty()) return 0;
    const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(all_.size() - 1));
    std::nth_element(all_.begin(), all_.begin() + at, all_.end());
    return all_[static_cast<std::size_t>(at)].count() / 1000;
  }

 private:
  std::vector<std::chrono::nanoseconds> all_;
};

}  // namespace sluice::bench
