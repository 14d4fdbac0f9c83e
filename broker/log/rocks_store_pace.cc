#include "broker/log/rocks_store_pace.h"

#include <algorithm>

#include <rocksdb/options.h>
#include <rocksdb/rate_limiter.h>

namespace sluice::broker {
namespace {

constexpr std::int64_t kBytesPerSecondMin = 64 << 20;
constexpr std::int64_t kBytesPerSecondMax = std::int64_t{16} << 30;
// Tokens are handed out this often, so a burst is a few hundred KiB.
constexpr std::int64_t kRefillMicros = 5'000;
// How much of a table may be dirty in the page cache before it is written out.
constexpr std::size_t kDirtyBytesMax = 512 << 10;

}  // namespace

std::int64_t flush_bytes_per_second(std::size_t bytes, std::chrono::nanoseconds took) {
  const double seconds = std::chrono::duration<double>(took).count();
  const double rate = seconds > 0 ? 2 * static_cast<double>(bytes) / seconds : kBytesPerSecondMax;
  return static_cast<std::int64_t>(std::clamp(rate, static_cast<double>(kBytesPerSecondMin),
                                              static_cast<double>(kBytesPerSecondMax)));
}

FlushPace::FlushPace()
    : limiter_(rocksdb::NewGenericRateLimiter(kBytesPerSecondMax, kRefillMicros)) {}

void FlushPace::apply(rocksdb::DBOptions& options) const {
  options.rate_limiter = limiter_;
  options.bytes_per_sync = kDirtyBytesMax;
  options.strict_bytes_per_sync = true;
}

void FlushPace::segment_ended(Instant now) {
  limiter_->SetBytesPerSecond(flush_bytes_per_second(segment_bytes_, now - segment_began_));
  segment_bytes_ = 0;
  segment_began_ = now;
}

}  // namespace sluice::broker
