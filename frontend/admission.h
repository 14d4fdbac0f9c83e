#pragma once
// Admission: the rate limits in front of orders and of what they need: one for each user, one for
// each address, one for all orders. Any thread; no lock; the memory is fixed at the start.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "frontend/rate.h"
#include "frontend/rate_table.h"
#include "frontend/token_bucket.h"
#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/net/ip_address.h"

namespace sluice::frontend {

// Which limit a request ran into.
enum class RateLimit : std::uint8_t { user, address, global };
inline constexpr RateLimit kRateLimits[] = {RateLimit::user, RateLimit::address, RateLimit::global};

// "user", "ip", "global": as options and metrics name it.
std::string_view name_of(RateLimit limit);

// What a request asks for. Each counts for itself: whoever needs a place, a token and an order has
// the whole rate for each of them.
enum class Asked : std::uint8_t { order, ticket, challenge, purchase_token };

class Admission {
 public:
  // Nothing: no such limit.
  struct Rates {
    std::optional<Rate> user;
    std::optional<Rate> address;
    std::optional<Rate> global;
  };

  // `secret`: of this process, so that nobody outside knows which users share memory.
  Admission(const Rates& rates, std::uint64_t secret);

  // Each counts the request and says 0, or says after what time it may come again. An IPv6 address
  // counts as its /64: that is what one customer of a provider has.
  std::chrono::nanoseconds admit_user(Asked asked, std::string_view user, Instant now);
  std::chrono::nanoseconds admit_address(Asked asked, const net::IpAddress& address, Instant now);
  std::chrono::nanoseconds admit(Instant now);

  // False: whoever asks may spare finding out the address.
  bool limits_addresses() const { return addresses_ != nullptr; }

 private:
  std::uint64_t hash(Asked asked, ByteView counted) const;

  const std::uint64_t secret_;
  std::unique_ptr<RateTable> users_;
  std::unique_ptr<RateTable> addresses_;
  std::unique_ptr<TokenBucket> all_;
};

}  // namespace sluice::frontend
