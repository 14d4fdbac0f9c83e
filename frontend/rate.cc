#include "frontend/rate.h"

#include <charconv>

#include <fmt/format.h>

namespace sluice::frontend {
namespace {

constexpr std::int64_t kCountMax = 10'000'000;
constexpr std::int64_t kBurstMax = 10'000'000;
constexpr Millis kRefillMax{86'400'000};
constexpr std::string_view kBurst = " burst ";

std::optional<std::int64_t> number(std::string_view text, std::int64_t most) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && value >= 1 && value <= most ? std::optional(value) : std::nullopt;
}

std::optional<Millis> unit(std::string_view text) {
  if (text == "s") return Millis(1'000);
  if (text == "m") return Millis(60'000);
  if (text == "h") return Millis(3'600'000);
  return std::nullopt;
}

}  // namespace

std::chrono::nanoseconds Rate::interval() const {
  const std::chrono::nanoseconds whole = per;
  return (whole + std::chrono::nanoseconds(count - 1)) / count;
}

Result<std::optional<Rate>> parse_rate(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto wrong = [text](std::string_view why) {
    return fail(Code::invalid, fmt::format("\"{}\" is not a rate: {}", text, why));
  };
  const auto slash = text.find('/');
  if (slash == text.npos) return wrong("it must be like \"10/s burst 20\"");
  const auto at = std::min(text.find(kBurst), text.size());
  const auto count = number(text.substr(0, slash), kCountMax);
  const auto per = at > slash ? unit(text.substr(slash + 1, at - slash - 1)) : std::nullopt;
  if (!count) return wrong(fmt::format("the count must be from 1 to {}", kCountMax));
  if (!per) return wrong("the unit must be s, m or h, as in \"10/s burst 20\"");
  Rate rate{.count = *count, .per = *per, .burst = *count};
  if (at < text.size()) {
    const auto burst = number(text.substr(at + kBurst.size()), kBurstMax);
    if (!burst) return wrong(fmt::format("the burst must be from 1 to {}", kBurstMax));
    rate.burst = *burst;
  }
  if (rate.interval() * rate.burst > kRefillMax) {
    return wrong("the burst would take more than a day to come back");
  }
  return rate;
}

}  // namespace sluice::frontend
