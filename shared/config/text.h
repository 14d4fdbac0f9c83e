#pragma once
// How option values are written: durations, sizes, whole numbers, booleans and YAML scalars; and
// which known name is nearest to a misspelled one. Pure functions; the inverse pairs round-trip.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"
#include "shared/config/byte_size.h"

namespace sluice::config {

// Empty: the text is not of the form. Durations need a unit: ms, s, m, h or d. Sizes take B, KiB,
// MiB, GiB or TiB, or no unit for bytes. Both are whole and not negative.
std::optional<Millis> parse_duration(std::string_view text);
std::optional<ByteSize> parse_size(std::string_view text);
std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<bool> parse_bool(std::string_view text);

// With the largest unit that divides the value.
std::string duration_text(Millis value);
std::string size_text(ByteSize value);

// A string as a YAML scalar, quoted only where YAML would read it otherwise.
std::string scalar_text(std::string_view value);

// The name with the smallest edit distance, if one is near enough to be meant.
std::optional<std::string> nearest_name(std::string_view name,
                                        const std::vector<std::string>& known);

// The text in lines of at most `width` columns (longer words stay whole), each begun by `indent`.
std::string wrapped(std::string_view text, std::string_view indent, std::size_t width);

}  // namespace sluice::config
