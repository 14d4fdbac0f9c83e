#pragma once
// SalePages: the HTML of the sale page, of the list of sales, and of what is said in their place.
// It is whole without JavaScript: name, price, times, and the stock of the moment. Immutable after
// construction, so any thread may render. Pure.

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "frontend/page_text.h"
#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/ledger/event.h"
#include "shared/ledger/sale_state.h"

namespace sluice::frontend {

// A sale as people may see it at one instant. The definition outlives the view.
struct SaleView {
  const ledger::Sale* definition;
  ledger::SaleStage stage;  // not draft
  std::int64_t available;
};

// Who asks, and when.
struct PageVisit {
  Language language = Language::english;
  bool language_chosen = false;  // by ?lang=, which links go on with
  std::string path;              // of the page, as in its URL
  WallTime now;
  std::string_view payment_url;  // the option; it outlives the visit
};

class SalePages {
 public:
  SalePages();
  ~SalePages();
  SalePages(const SalePages&) = delete;
  SalePages& operator=(const SalePages&) = delete;

  // `alone`: there is no other sale, so no link to the list.
  Buffer sale(const SaleView& sale, const PageVisit& visit, bool alone) const;
  Buffer list(std::span<const SaleView> sales, const PageVisit& visit) const;
  Buffer no_such_sale(const PageVisit& visit) const;
  Buffer starting(const PageVisit& visit) const;

 private:
  struct Tongue;  // texts and templates of one language

  const Tongue& tongue(const PageVisit& visit) const;
  Buffer framed(const PageVisit& visit, std::string_view title, std::string_view description,
                std::string_view script, std::string_view main) const;
  Buffer notice(const PageVisit& visit, std::string_view key) const;
  Buffer item(const SaleView& sale, const PageVisit& visit) const;

  std::array<std::unique_ptr<const Tongue>, kLanguages> tongues_;
};

}  // namespace sluice::frontend
