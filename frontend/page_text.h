#pragma once
// What the pages write that JSON does not: prices and times for people, and which language those
// people read. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"

namespace sluice::frontend {

enum class Language : unsigned char { english, chinese };
inline constexpr std::size_t kLanguages = 2;

// "en", "zh": in URLs and in the lang attribute.
std::string_view code_of(Language language);
std::optional<Language> language_named(std::string_view code);

// The better liked of ours in an Accept-Language (RFC 9110 section 12.5.4), English when the header
// names none of them. A range stands for all its regions: zh-TW is Chinese here.
Language preferred_language(ByteView accept_language);

// "¥99.00", "CHF 12.50", "¥1,200": from minor units, with the currency's own number of digits
// (ISO 4217). The currency may be any text; one that is not known has two digits.
std::string price_text(std::int64_t minor_units, std::string_view currency);

// "14:59", "1:00:00".
std::string span_text(std::int64_t seconds);

// "2026-11-11 00:00 UTC", with seconds where they are not 0.
std::string time_text(WallTime at);

}  // namespace sluice::frontend
