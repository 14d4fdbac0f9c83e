#include "frontend/sale_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "frontend/form.h"
#include "frontend/time_text.h"
#include "frontend/web_files.h"

namespace sluice::frontend {
namespace {

using ledger::SaleStage;

constexpr std::string_view kHidden = " hidden";

// The first character of the title, whole.
std::string_view initial_of(std::string_view title) {
  std::size_t bytes = 1;
  while (bytes < title.size() && (static_cast<unsigned char>(title[bytes]) & 0xc0U) == 0x80U) {
    ++bytes;
  }
  return title.substr(0, bytes);
}

// Where a list has it: what can be bought, what may be soon, what is to come, what is over.
constexpr int kLastRank = 3;
int rank(SaleStage stage) {
  switch (stage) {
    case SaleStage::open:
      return 0;
    case SaleStage::paused:
    case SaleStage::sold_out:
      return 1;
    case SaleStage::scheduled:
      return 2;
    case SaleStage::draft:
    case SaleStage::closed:
    case SaleStage::settled:
      return kLastRank;
  }
  return kLastRank;
}

// What a list says of it beside the stage.
std::string detail_of(const SaleView& sale, const PageTexts& texts) {
  switch (sale.stage) {
    case SaleStage::scheduled: {
      const Figure starts = figure_of(sale, texts);
      return fmt::format("{} {}", starts.label, starts.text);
    }
    case SaleStage::open:
    case SaleStage::paused:
      return filled(texts["left"], "{n}", fmt::format("{}", shown_units(sale)));
    case SaleStage::draft:
    case SaleStage::sold_out:
    case SaleStage::closed:
    case SaleStage::settled:
      return "";
  }
  return "";
}

std::string millis(std::optional<std::int64_t> time) {
  return time ? fmt::format("{}", *time) : std::string();
}

}  // namespace

SalePages::Tongue::Tongue(Language language)
    : texts(web_file(fmt::format("{}.json", code_of(language)))) {}

SalePages::SalePages() {
  for (const Language language : {Language::english, Language::chinese}) {
    tongues_[static_cast<std::size_t>(language)] = std::make_unique<const Tongue>(language);
  }
}

SalePages::~SalePages() = default;

const SalePages::Tongue& SalePages::tongue(const PageVisit& visit) const {
  return *tongues_[static_cast<std::size_t>(visit.language)];
}

std::string PageVisit::query() const {
  return language_chosen ? fmt::format("?lang={}", code_of(language)) : "";
}

// The path goes with the language, as links do.
std::string PageVisit::login_link() const {
  return filled(login_url, "{path}", percent_encode(path + query()));
}

namespace {

// The browser asks anew by itself, without scripts.
std::string refresh_line(const Refresh& refresh) {
  Buffer target;
  append_html_text(target, refresh.target);
  return fmt::format("<meta http-equiv=\"refresh\" content=\"{}; url={}\">\n", refresh.seconds,
                     target);
}

// The module of the page, and ahead of its turn what it imports. Names are ours.
std::string script_lines(std::string_view script, std::string_view language) {
  static constexpr std::string_view kPreload = R"(<link rel="modulepreload" href="/assets/{}/{}">)";
  if (script.empty()) return "";
  const std::string_view version = web_files_version();
  std::string lines;
  std::vector<std::string> imports{"service.js", fmt::format("{}.js", language), "words.js"};
  if (script == "sale.js")
    imports.insert(imports.end(), {"clock.js", "live.js", "order.js", "purchase.js"});
  for (const std::string& module : imports) {
    lines += fmt::format(fmt::runtime(kPreload), version, module) + '\n';
  }
  lines +=
      fmt::format(R"(<script type="module" src="/assets/{}/{}"></script>)", version, script) + '\n';
  return lines;
}

}  // namespace

Buffer SalePages::framed(const PageVisit& visit, const Frame& frame, std::string_view main) const {
  const std::string query = visit.query();
  const std::string head = frame.refresh ? refresh_line(*frame.refresh)
                                         : script_lines(frame.script, code_of(visit.language));
  static constexpr std::string_view kCurrent = R"( aria-current="true")";
  const bool english = visit.language == Language::english;
  return tongue(visit).page.render(
      {{"lang", code_of(visit.language)},
       {"title", fmt::format("{} · {}", frame.title, tongue(visit).texts["brand"])},
       {"description", frame.description},
       {"version", web_files_version()},
       {"head", head},
       {"query", query},
       {"path", visit.path},
       {"english", english ? kCurrent : ""},
       {"chinese", english ? "" : kCurrent},
       {"main", main}});
}

Buffer SalePages::sale(const SaleView& sale, const PageVisit& visit, bool alone) const {
  const ledger::Sale& definition = *sale.definition;
  const PageTexts& texts = tongue(visit).texts;
  const std::string_view stage = stage_name(sale.stage);
  const std::int64_t shown = shown_units(sale);
  const Figure figure = figure_of(sale, texts);
  const std::string now = time_text(visit.now);
  const std::string note(texts[fmt::format(
      "note.{}", sale.stage == SaleStage::settled ? "closed" : std::string(stage))]);
  const Buffer main = tongue(visit).sale.render(
      {{"id", definition.sale},
       {"title", definition.title},
       {"tone", tone_of(definition.sale)},
       {"state", stage},
       {"badge", texts[fmt::format("state.{}", stage)]},
       {"available", fmt::format("{}", shown)},
       {"stock", fmt::format("{}", shown)},
       {"limit", fmt::format("{}", definition.per_user_limit)},
       {"unit_price", fmt::format("{}", definition.unit_price)},
       {"currency", definition.currency},
       {"price", price_of(definition.unit_price, definition.currency, texts)},
       {"starts_at", millis(definition.starts_at)},
       {"ends_at", millis(definition.ends_at)},
       {"starts_iso", iso(definition.starts_at)},
       {"ends_iso", iso(definition.ends_at)},
       {"starts", moment(definition.starts_at)},
       {"ends", moment(definition.ends_at)},
       {"starts_hidden", definition.starts_at ? "" : kHidden},
       {"ends_hidden", definition.ends_at ? "" : kHidden},
       {"stock_hidden", sale.stage == SaleStage::scheduled ? "" : kHidden},
       {"each_hidden", definition.per_user_limit > 1 ? "" : kHidden},
       {"now", fmt::format("{}", visit.now.unix_millis)},
       {"label", figure.label},
       {"figure", figure.text},
       {"figure_kind", figure.kind},
       {"note", note},
       {"counter_hidden", stage == "closed" ? kHidden : ""},
       {"noscript", filled(texts["noscript"], "{time}", now)},
       {"back_hidden", alone ? kHidden : ""},
       {"payment_url", visit.payment_url},
       {"auth", visit.is_proven ? "jwt" : "none"},
       {"login_url", visit.login_url},
       {"query", visit.query()}});
  return framed(visit,
                {.title = definition.title,
                 .description = filled(texts["description"], "{title}", definition.title),
                 .script = "sale.js"},
                main);
}

Buffer SalePages::item(const SaleView& sale, const PageVisit& visit) const {
  const PageTexts& texts = tongue(visit).texts;
  const ledger::Sale& definition = *sale.definition;
  const std::string_view stage = stage_name(sale.stage);
  return tongue(visit).item.render(
      {{"id", definition.sale},
       {"title", definition.title},
       {"initial", initial_of(definition.title)},
       {"tone", tone_of(definition.sale)},
       {"state", stage},
       {"badge", texts[fmt::format("state.{}", stage)]},
       {"price", price_of(definition.unit_price, definition.currency, texts)},
       {"detail", detail_of(sale, texts)},
       {"query", visit.query()}});
}

Buffer SalePages::list(std::span<const SaleView> sales, const PageVisit& visit) const {
  const PageTexts& texts = tongue(visit).texts;
  Buffer content;
  if (sales.empty()) {
    content = "<p class=\"empty\">";
    append_html_text(content, texts["no_sales"]);
    content += "</p>\n";
  } else {
    content = "<ul class=\"items\">\n";
    for (int wanted = 0; wanted <= kLastRank; ++wanted) {
      for (const SaleView& sale : sales) {
        if (rank(sale.stage) == wanted) content += item(sale, visit);
      }
    }
    content += "</ul>\n";
  }
  const Buffer main = tongue(visit).list.render({{"items", content}});
  return framed(visit,
                {.title = std::string(texts["sales_title"]),
                 .description = std::string(texts["sales_lead"]),
                 .script = "sales.js"},
                main);
}

// The texts of `key`, heading and explanation.
Buffer SalePages::notice(const PageVisit& visit, std::string_view key) const {
  const PageTexts& texts = tongue(visit).texts;
  const std::string_view text = texts[fmt::format("{}_text", key)];
  const Buffer main = tongue(visit).notice.render(
      {{"heading", texts[key]}, {"text", text}, {"query", visit.query()}});
  return framed(visit, {.title = std::string(texts[key]), .description = std::string(text)}, main);
}

}  // namespace sluice::frontend
