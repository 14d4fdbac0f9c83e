#include "frontend/page_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "frontend/time_text.h"
#include "shared/http/request.h"

namespace sluice::frontend {
namespace {

ByteView trimmed(ByteView text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "before<separator>after", both trimmed; `after` is empty without the separator.
std::pair<ByteView, ByteView> split(ByteView text, char separator) {
  const auto at = std::min(text.find(separator), text.size());
  return {trimmed(text.substr(0, at)), trimmed(text.substr(std::min(at + 1, text.size())))};
}

// Thousandths of "q=0.8"; 1000 when it is absent or no weight.
int weight_of(ByteView parameter) {
  if (!parameter.starts_with("q=")) return 1000;
  const ByteView digits = parameter.substr(2);
  int weight = 0;
  int scale = 1000;
  for (const char c : digits) {
    if (c == '.') continue;
    if (c < '0' || c > '9') return 1000;
    weight += (c - '0') * scale;
    scale /= 10;
  }
  return std::min(weight, 1000);
}

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
    const auto end = std::min(accept_language.find(','), accept_language.size());
    const auto [range, parameter] = split(accept_language.substr(0, end), ';');
    accept_language.remove_prefix(std::min(end + 1, accept_language.size()));
    const ByteView primary = split(range, '-').first;
    for (const Language language : {Language::english, Language::chinese}) {
      const int weight = weight_of(parameter);
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

std::string time_text(WallTime at) {
  const std::string precise = rfc3339(at);  // 2026-11-11T00:00:00.000Z
  const std::string_view text = precise;
  const bool whole_minute = text.substr(17, 2) == "00";
  return fmt::format("{} {} UTC", text.substr(0, 10), text.substr(11, whole_minute ? 5 : 8));
}

}  // namespace sluice::frontend
