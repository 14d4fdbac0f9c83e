#pragma once
// SalePages: the HTML of the sale page, of the list of sales, of what is said in their place, and
// of the plain pages, where people buy without JavaScript. The first two are whole without it:
// name, price, times, and the stock of the moment. Immutable after construction, so any thread may
// render. Pure.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "frontend/ledger_reader.h"
#include "frontend/page_template.h"
#include "frontend/page_text.h"
#include "frontend/sale_words.h"
#include "frontend/web_files.h"
#include "shared/base/bytes.h"
#include "shared/base/clock.h"

namespace sluice::frontend {

// Who asks, and when.
struct PageVisit {
  Language language = Language::english;
  bool language_chosen = false;  // by ?lang=, which links go on with
  std::string path;              // of the page, as in its URL
  WallTime now;
  std::string_view payment_url;  // the option; it outlives the visit
  std::string_view login_url;    // likewise
  bool is_proven = false;        // auth: jwt

  // "?lang=zh", or empty.
  std::string query() const;
  // Where to log in, and come back to the path; empty without a login_url.
  std::string login_link() const;
};

// The page that the browser turns to by itself, and when.
struct Refresh {
  std::int64_t seconds = 0;
  std::string target;
};

// Something that is said: a key of the texts, and what stands for {n} and {position} in it; {time}
// is n as a span of seconds.
struct Saying {
  std::string key = {};  // empty: nothing is said
  std::int64_t n = 0;
  std::int64_t position = 0;
};

// What somebody without JavaScript finds where he buys.
struct CounterView {
  SaleView sale;
  std::string_view user;  // empty: not known
  Saying saying;
  bool may_buy = false;                 // there is a button
  std::string purchase_token;           // for the button; empty: none
  std::span<const OrderStatus> orders;  // his, in this sale, the newest first
  std::optional<std::int64_t> refresh_seconds;
};

// An order as its user sees it; others do not get `may_cancel`.
struct OrderPageView {
  const OrderStatus& order;
  std::string_view title;  // of the sale
  bool may_cancel = false;
  Saying saying;
  std::optional<std::int64_t> refresh_seconds;
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
  // A heading and a sentence: the texts `key` and `key`_text, such as no_such_sale.
  Buffer notice(const PageVisit& visit, std::string_view key) const;

  // Without scripts; in plain_pages.cc.
  Buffer counter(const CounterView& view, const PageVisit& visit) const;
  Buffer order(const OrderPageView& view, const PageVisit& visit) const;

 private:
  // Texts and templates of one language.
  struct Tongue {
    PageTexts texts;
    PageTemplate page{web_file("page.html"), texts};
    PageTemplate sale{web_file("sale.html"), texts};
    PageTemplate list{web_file("sales.html"), texts};
    PageTemplate item{web_file("item.html"), texts};
    PageTemplate notice{web_file("notice.html"), texts};
    PageTemplate counter{web_file("counter.html"), texts};
    PageTemplate counter_buy{web_file("counter_buy.html"), texts};
    PageTemplate counter_name{web_file("counter_name.html"), texts};
    PageTemplate order{web_file("order.html"), texts};

    explicit Tongue(Language language);
  };
  struct Frame {
    std::string title;
    std::string description;
    std::string_view script = {};  // empty: none
    std::optional<Refresh> refresh = {};
  };

  const Tongue& tongue(const PageVisit& visit) const;
  Buffer framed(const PageVisit& visit, const Frame& frame, std::string_view main) const;
  Buffer item(const SaleView& sale, const PageVisit& visit) const;
  std::string said(const Saying& saying, const PageVisit& visit) const;
  std::string identity(const CounterView& view, const PageVisit& visit) const;

  std::array<std::unique_ptr<const Tongue>, kLanguages> tongues_;
};

}  // namespace sluice::frontend
