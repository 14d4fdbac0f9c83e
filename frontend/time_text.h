#pragma once
// Times as people and JSON write them, in RFC 3339.

#include <string_view>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/base/rfc3339.h"  // the other direction

namespace sluice::frontend {

// Accepts "2026-11-11T00:00:00Z", fractions of a second, and offsets such as +08:00.
Result<WallTime> parse_rfc3339(std::string_view text);

}  // namespace sluice::frontend
