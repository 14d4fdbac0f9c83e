#pragma once
// Times as JSON and people read them: RFC 3339 in UTC with milliseconds,
// "2026-11-11T00:00:00.000Z".

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>

#include "shared/base/clock.h"

namespace sluice {

// REQUIRES: a time of the years 0 to 9999.
inline std::string rfc3339(WallTime at) {
  const std::chrono::sys_time<Millis> time{Millis(at.unix_millis)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  std::string text;
  const auto add = [&text](auto number, std::size_t digits, const char* behind) {
    const std::string plain = std::to_string(number);
    text.append(digits - std::min(digits, plain.size()), '0').append(plain).append(behind);
  };
  add(static_cast<int>(date.year()), 4, "-");
  add(static_cast<unsigned>(date.month()), 2, "-");
  add(static_cast<unsigned>(date.day()), 2, "T");
  add(clock.hours().count(), 2, ":");
  add(clock.minutes().count(), 2, ":");
  add(clock.seconds().count(), 2, ".");
  add(clock.subseconds().count(), 3, "Z");
  return text;
}

}  // namespace sluice
