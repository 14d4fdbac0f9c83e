#include "frontend/page_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "frontend/quality_values.h"
#include "frontend/time_text.h"
#include "shared/http/request.h"

namespace sluice::frontend {
namespace {

struct Currency {
  std::string_view code;
  std::string_view symbol;
  int digits;
};

// Those with a sign that people know, and those whose minor unit is not a hundredth.
constexpr std::array<Currency, 22> kCurrencies{{
    {"BHD", "BHD ", 3}, {"CLP", "CLP ", 0}, {"CNY", "¥", 2},    {"EUR", "€", 2},
    {"GBP", "£", 2},    {"INR", "₹", 2},    {"IQD", "IQD ", 3}, {"ISK", "ISK ", 0},
    {"JOD", "JOD ", 3}, {"JPY", "¥", 0},    {"KRW", "₩", 0},    {"KWD", "KWD ", 3},
    {"LYD", "LYD ", 3}, {"OMR", "OMR ", 3}, {"PYG", "PYG ", 0}, {"RWF", "RWF ", 0},
    {"TND", "TND ", 3}, {"UGX", "UGX ", 0}, {"USD", "$", 2},    {"VND", "₫", 0},
    {"XAF", "XAF ", 0}, {"XOF", "XOF ", 0},
}};

std::string grouped(std::int64_t number) {
  std::string digits = fmt::format("{}", number);
  for (std::ptrdiff_t at = std::ssize(digits) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

}  // namespace

std::string_view code_of(Language language) {
  return language == Language::chinese ? "zh" : "en";
}

std::optional<Language> language_named(std::string_view code) {
  for (const Language language : {Language::english, Language::chinese}) {
    if (code == code_of(language)) return language;
  }
  return std::nullopt;
}

Language preferred_language(ByteView accept_language) {
  Language best = Language::english;
  int best_weight = 0;
  while (!accept_language.empty()) {
    const auto [range, weight] = take_weighted(accept_language);
    const ByteView primary = range.substr(0, range.find('-'));
    for (const Language language : {Language::english, Language::chinese}) {
      if (!http::equal_ignoring_case(primary, code_of(language)) || weight <= best_weight) continue;
      best = language;
      best_weight = weight;
    }
  }
  return best;
}

std::string price_text(std::int64_t minor_units, std::string_view currency) {
  const auto* known = std::ranges::find(kCurrencies, currency, &Currency::code);
  const int digits = known == kCurrencies.end() ? 2 : known->digits;
  std::int64_t unit = 1;
  for (int i = 0; i < digits; ++i) unit *= 10;
  std::string text = known == kCurrencies.end() ? fmt::format("{} ", currency) : "";
  if (known != kCurrencies.end()) text = known->symbol;
  text += grouped(minor_units / unit);
  if (digits > 0) text += fmt::format(".{:0{}}", minor_units % unit, digits);
  return text;
}

std::string span_text(std::int64_t seconds) {
  const std::int64_t hours = seconds / 3'600;
  const std::string rest = fmt::format("{:02}:{:02}", seconds / 60 % 60, seconds % 60);
  return hours > 0 ? fmt::format("{}:{}", hours, rest) : rest;
}

std::string time_text(WallTime at) {
  const std::string precise = rfc3339(at);  // 2026-11-11T00:00:00.000Z
  const std::string_view text = precise;
  const bool whole_minute = text.substr(17, 2) == "00";
  return fmt::format("{} {} UTC", text.substr(0, 10), text.substr(11, whole_minute ? 5 : 8));
}

}  // namespace sluice::frontend
