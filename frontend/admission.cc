#include "frontend/admission.h"

#include <xxhash.h>

namespace sluice::frontend {
namespace {

constexpr std::size_t kIpv6PrefixBytes = 8;

template <class Limiter>
std::unique_ptr<Limiter> limiter(const std::optional<Rate>& rate) {
  return rate ? std::make_unique<Limiter>(*rate) : nullptr;
}

}  // namespace

std::string_view name_of(RateLimit limit) {
  switch (limit) {
    case RateLimit::user:
      return "user";
    case RateLimit::address:
      return "ip";
    case RateLimit::global:
      return "global";
  }
  return "unknown";
}

Admission::Admission(const Rates& rates, std::uint64_t secret)
    : secret_(secret),
      users_(limiter<RateTable>(rates.user)),
      addresses_(limiter<RateTable>(rates.address)),
      all_(limiter<TokenBucket>(rates.global)) {}

std::uint64_t Admission::hash(Asked asked, ByteView counted) const {
  return XXH3_64bits_withSeed(counted.data(), counted.size(),
                              secret_ + static_cast<std::uint64_t>(asked));
}

std::chrono::nanoseconds Admission::admit_user(Asked asked, std::string_view user, Instant now) {
  if (!users_) return std::chrono::nanoseconds(0);
  return users_->take(hash(asked, user), now);
}

std::chrono::nanoseconds Admission::admit_address(Asked asked, const net::IpAddress& address,
                                                  Instant now) {
  if (!addresses_) return std::chrono::nanoseconds(0);
  const ByteView bytes(reinterpret_cast<const char*>(address.bytes.data()), address.bytes.size());
  return addresses_->take(hash(asked, address.is_v4() ? bytes : bytes.substr(0, kIpv6PrefixBytes)),
                          now);
}

std::chrono::nanoseconds Admission::admit(Instant now) {
  return all_ ? all_->take(now) : std::chrono::nanoseconds(0);
}

}  // namespace sluice::frontend
