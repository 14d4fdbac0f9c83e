#pragma once
// Integers in JSON: also 1.0 and 1e3 are such (JSON Schema, section 4.2.3 of its validation).

#include <cmath>
#include <cstdint>
#include <optional>

#include <boost/json.hpp>

namespace sluice::frontend {

// Empty: it is no integer, or beyond what a double holds exactly and not written as one.
inline std::optional<std::int64_t> whole_number(const boost::json::value& value) {
  if (const auto* number = value.if_int64()) return *number;
  const double* number = value.if_double();
  constexpr double kExact = 9'007'199'254'740'992;  // 2^53
  if (number == nullptr || std::abs(*number) > kExact || std::trunc(*number) != *number) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*number);
}

}  // namespace sluice::frontend
