// The pages of SalePages where people buy without JavaScript: the counter of a sale, and an order.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "frontend/form.h"
#include "frontend/sale_pages.h"
#include "frontend/time_text.h"

namespace sluice::frontend {

using ledger::SaleStage;

namespace {

constexpr std::string_view kHidden = " hidden";
// Of somebody's orders in one sale; all of them are in GET /v1/orders.
constexpr std::size_t kOrdersShown = 5;

std::string_view hidden_unless(bool shown) {
  return shown ? "" : kHidden;
}

std::int64_t total_of(const OrderStatus& order) {
  return order.unit_price * order.quantity;
}

bool has_come_to_nothing(const OrderStatus& order) {
  return order.state == "rejected" || order.state == "cancelled" || order.state == "expired";
}

// Where the operator has people pay, filled in for this order.
std::string payment_link(std::string_view url, const OrderStatus& order) {
  std::string link = filled(url, "{order}", percent_encode(order.order));
  link = filled(link, "{amount}", fmt::to_string(total_of(order)));
  return filled(link, "{currency}", percent_encode(order.currency));
}

std::string order_note(const OrderStatus& order, const PageTexts& texts) {
  if (order.refund_due) return std::string(texts["order_note.refund_due"]);
  if (order.state == "placed" && order.deadline > 0) {
    return filled(texts["plain.pay_until"], "{time}", time_text({order.deadline}));
  }
  return std::string(texts[fmt::format("order_note.{}", order.state)]);
}

// How far it is; nothing for an order that came to nothing.
std::string steps_of(const OrderStatus& order, const PageTexts& texts) {
  constexpr std::string_view kStates[] = {"pending", "queued", "placed", "paid"};
  const auto at = std::ranges::find(kStates, order.state) - std::begin(kStates);
  if (at == std::ssize(kStates)) return "";
  const bool pays = order.deadline > 0 || order.state == "paid";
  std::string steps = "<ol class=\"steps\">";
  constexpr std::string_view kSteps[] = {"reserved", "placed", "paid"};
  for (std::ptrdiff_t i = 0; i < (pays ? 3 : 2); ++i) {
    Buffer text;
    append_html_text(text, texts[fmt::format("step.{}", kSteps[i])]);
    const std::string_view kind = i < at ? "done" : i == at ? "current" : "";
    steps += fmt::format(R"(<li class="{}">{}</li>)", kind, text);
  }
  return steps + "</ol>\n";
}

// Links to the orders that somebody has in the sale.
std::string order_links(const CounterView& view, const PageVisit& visit, const PageTexts& texts) {
  std::string links;
  for (const OrderStatus& order : view.orders.first(std::min(view.orders.size(), kOrdersShown))) {
    Buffer text;
    append_html_text(text, texts[fmt::format("order.{}", order.state)]);
    links += fmt::format(
        R"(<li data-state="{}"><a href="/orders/{}{}"><b>{}</b> <span>{} × {}</span></a></li>)",
        order.state, order.order, visit.query(), text, order.quantity,
        price_of(order.unit_price, order.currency, texts));
  }
  return links.empty() ? "" : fmt::format("<ul class=\"mine\">{}</ul>\n", links);
}

}  // namespace

std::string SalePages::said(const Saying& saying, const PageVisit& visit) const {
  if (saying.key.empty()) return "";
  const std::string text =
      filled(tongue(visit).texts[saying.key], "{position}", fmt::to_string(saying.position));
  return filled(filled(text, "{n}", fmt::to_string(saying.n)), "{time}", span_text(saying.n));
}

// Who he is, and how he can be somebody else; or how to say it.
std::string SalePages::identity(const CounterView& view, const PageVisit& visit) const {
  const PageTexts& texts = tongue(visit).texts;
  Buffer user;
  append_html_text(user, view.user);
  if (visit.is_proven && view.user.empty()) {
    const std::string link = visit.login_link();
    if (link.empty()) return "";
    Buffer target;
    append_html_text(target, link);
    return fmt::format("<p><a class=\"primary\" id=\"login\" href=\"{}\">{}</a></p>\n", target,
                       texts["login"]);
  }
  const std::string buying_as = fmt::format("{} <b id=\"buyer-name\">{}</b>", texts["buyer"], user);
  if (visit.is_proven) return fmt::format("<p class=\"buyer\">{}</p>\n", buying_as);
  const bool known = !view.user.empty();
  const Buffer form =
      tongue(visit).counter_name.render({{"id", view.sale.definition->sale},
                                         {"query", visit.query()},
                                         {"kind", known ? "secondary" : "primary"},
                                         {"go_on", texts[known ? "save" : "plain.go_on"]}});
  if (!known) return form;
  return fmt::format(
      "<details class=\"buyer\"><summary><span>{}</span><span class=\"change\">{}</span></summary>"
      "\n{}</details>\n",
      buying_as, texts["change"], form);
}

Buffer SalePages::counter(const CounterView& view, const PageVisit& visit) const {
  const ledger::Sale& definition = *view.sale.definition;
  const PageTexts& texts = tongue(visit).texts;
  const std::string_view stage = stage_name(view.sale.stage);
  const Figure figure = figure_of(view.sale, texts);
  const bool has_one = std::ranges::any_of(
      view.orders, [](const OrderStatus& order) { return !has_come_to_nothing(order); });
  const Buffer buy = view.may_buy
                         ? tongue(visit).counter_buy.render(
                               {{"id", definition.sale},
                                {"query", visit.query()},
                                {"slot", fmt::to_string(view.orders.size())},
                                {"token", view.purchase_token},
                                {"limit", fmt::to_string(definition.per_user_limit)},
                                {"quantity_hidden", hidden_unless(definition.per_user_limit > 1)},
                                {"buy", texts[has_one ? "buy_another" : "buy"]}})
                         : Buffer();
  const std::string message = said(view.saying, visit);
  const Buffer main = tongue(visit).counter.render(
      {{"id", definition.sale},
       {"title", definition.title},
       {"tone", tone_of(definition.sale)},
       {"state", stage},
       {"badge", texts[fmt::format("state.{}", stage)]},
       {"label", figure.label},
       {"figure", figure.text},
       {"figure_kind", figure.kind},
       {"unit_price", fmt::to_string(definition.unit_price)},
       {"price", price_of(definition.unit_price, definition.currency, texts)},
       {"each_hidden", hidden_unless(definition.per_user_limit > 1)},
       {"limit", fmt::to_string(definition.per_user_limit)},
       {"starts", moment(definition.starts_at)},
       {"starts_iso", iso(definition.starts_at)},
       {"starts_hidden", hidden_unless(definition.starts_at.has_value())},
       {"ends", moment(definition.ends_at)},
       {"ends_iso", iso(definition.ends_at)},
       {"ends_hidden", hidden_unless(definition.ends_at.has_value())},
       {"orders", order_links(view, visit, texts)},
       {"message", message},
       {"message_hidden", hidden_unless(!message.empty())},
       {"buy", buy},
       {"identity", identity(view, visit)},
       {"as_of", filled(texts["plain.as_of"], "{time}", time_text(visit.now))},
       {"query", visit.query()}});
  Frame frame{.title = definition.title,
              .description = filled(texts["description"], "{title}", definition.title)};
  if (view.refresh_seconds) {
    frame.refresh = {*view.refresh_seconds,
                     fmt::format("/sales/{}/buy{}", definition.sale, visit.query())};
  }
  return framed(visit, frame, main);
}

Buffer SalePages::order(const OrderPageView& view, const PageVisit& visit) const {
  const OrderStatus& order = view.order;
  const PageTexts& texts = tongue(visit).texts;
  const std::string amount = price_of(total_of(order), order.currency, texts);
  const bool pays = order.state == "placed" && order.unit_price > 0 && !visit.payment_url.empty();
  const std::string message = said(view.saying, visit);
  const Buffer main = tongue(visit).order.render(
      {{"sale", order.sale},
       {"title", view.title},
       {"state", order.state},
       {"state_text", texts[fmt::format("order.{}", order.state)]},
       {"note", order_note(order, texts)},
       {"steps", steps_of(order, texts)},
       {"quantity", fmt::to_string(order.quantity)},
       {"total", amount},
       {"id", order.order},
       {"pay_link", pays ? payment_link(visit.payment_url, order) : ""},
       {"pay", filled(texts["pay"], "{amount}", amount)},
       {"pay_hidden", hidden_unless(pays)},
       {"message", message},
       {"message_hidden", hidden_unless(!message.empty())},
       {"cancel_hidden", hidden_unless(view.may_cancel)},
       {"as_of", filled(texts["plain.as_of"], "{time}", time_text(visit.now))},
       {"query", visit.query()}});
  Frame frame{.title = std::string(texts["order"]), .description = std::string(view.title)};
  if (view.refresh_seconds) {
    frame.refresh = {*view.refresh_seconds,
                     fmt::format("/orders/{}{}", order.order, visit.query())};
  }
  return framed(visit, frame, main);
}

}  // namespace sluice::frontend
