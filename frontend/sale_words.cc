#include "frontend/sale_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/page_text.h"
#include "frontend/time_text.h"

namespace sluice::frontend {

using ledger::SaleStage;

namespace {

// Colours of page.css.
constexpr std::uint32_t kTones = 6;

}  // namespace

// FNV-1a.
std::string tone_of(std::string_view id) {
  std::uint32_t hash = 2166136261U;
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  return fmt::format("{}", (hash ^ (hash >> 16U)) % kTones);
}

std::string filled(std::string_view text, std::string_view place, std::string_view value) {
  std::string result(text);
  const auto at = result.find(place);
  if (at != std::string::npos) result.replace(at, place.size(), value);
  return result;
}

std::string_view stage_name(SaleStage stage) {
  return name_of(stage == SaleStage::settled ? SaleStage::closed : stage);
}

// Below 0 while another writer of the log took more than there was; that is nobody's business.
std::int64_t shown_units(const SaleView& sale) {
  return std::max<std::int64_t>(sale.available, 0);
}

Figure figure_of(const SaleView& sale, const PageTexts& texts) {
  const std::string_view stage = stage_name(sale.stage);
  if (sale.stage == SaleStage::scheduled) {
    const std::int64_t starts_at = sale.definition->starts_at.value_or(0);
    return {std::string(texts["label.scheduled_at"]), "moment", time_text({starts_at})};
  }
  std::string label(texts[fmt::format("label.{}", stage)]);
  if (stage == "closed") return {std::move(label), "word", std::string(texts["figure.closed"])};
  return {std::move(label), "count", fmt::format("{}", shown_units(sale))};
}

std::string price_of(std::int64_t minor_units, std::string_view currency, const PageTexts& texts) {
  return minor_units == 0 ? std::string(texts["free"]) : price_text(minor_units, currency);
}

std::string moment(std::optional<std::int64_t> time) {
  return time ? time_text({*time}) : std::string();
}

std::string iso(std::optional<std::int64_t> time) {
  return time ? rfc3339({*time}) : std::string();
}

}  // namespace sluice::frontend
