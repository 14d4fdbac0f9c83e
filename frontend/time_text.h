#pragma once
// Times as people and JSON read them: RFC 3339 in UTC with milliseconds,
// "2026-11-11T00:00:00.000Z".

#include <string>
#include <string_view>

#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace sluice::frontend {

std::string rfc3339(WallTime at);

// Accepts "2026-11-11T00:00:00Z", fractions of a second, and offsets such as +08:00.
Result<WallTime> parse_rfc3339(std::string_view text);

}  // namespace sluice::frontend
