#pragma once
// What pages say of a sale, in words and figures. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "frontend/page_template.h"
#include "shared/ledger/event.h"
#include "shared/ledger/sale_state.h"

namespace sluice::frontend {

// A sale as people may see it at one instant. The definition outlives the view.
struct SaleView {
  const ledger::Sale* definition;
  ledger::SaleStage stage;  // not draft
  std::int64_t available;
};

// The number of its colours in page.css: the same for the same sale, always.
std::string tone_of(std::string_view sale);

// `text` with what stands for `place` in it, such as "{n}"; once.
std::string filled(std::string_view text, std::string_view place, std::string_view value);

// What a page calls the stage: to people, settled is closed.
std::string_view stage_name(ledger::SaleStage stage);

// Never below 0.
std::int64_t shown_units(const SaleView& sale);

// The number that the page is about: when it opens, how many are left.
struct Figure {
  std::string label;
  std::string_view kind;  // a class of page.css
  std::string text;
};
Figure figure_of(const SaleView& sale, const PageTexts& texts);

std::string price_of(std::int64_t minor_units, std::string_view currency, const PageTexts& texts);

// As people read it, and as <time> has it; empty for none.
std::string moment(std::optional<std::int64_t> time);
std::string iso(std::optional<std::int64_t> time);

}  // namespace sluice::frontend
