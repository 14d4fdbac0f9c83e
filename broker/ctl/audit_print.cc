#include "broker/ctl/audit_print.h"

#include <fmt/format.h>

#include <string>

#include "broker/ctl/json.h"
#include "broker/ctl/print.h"

namespace sluice::ctl {

namespace {

// Of the whole: something is wrong, something is under way, or neither.
std::string_view verdict_of(const AuditReport& report) {
  if (report.broken()) return "broken";
  return report.motion.any() ? "in motion" : "at rest";
}

std::string number_or_dash(const std::optional<std::int64_t>& number) {
  return number ? fmt::to_string(*number) : "-";
}

void print_sales(std::ostream& out, const AuditReport& report) {
  Table table({"SALE", "GRANTED", "HELD", "AVAILABLE", "FRONTEND", "ORDERS", "ROWS",
               "UNITS IN ROWS", "RELEASED", "REFUNDS"});
  for (const AuditSale& sale : report.sales) {
    table.add({sale.sale, fmt::to_string(sale.granted), fmt::to_string(sale.held),
               fmt::to_string(sale.available), number_or_dash(sale.frontend),
               fmt::to_string(sale.orders), fmt::to_string(sale.rows),
               fmt::to_string(sale.units_in_rows), fmt::to_string(sale.released),
               fmt::to_string(sale.refunds)});
  }
  table.print(out);
}

void print_offences(std::ostream& out, const AuditInvariant& invariant) {
  for (const Offence& offence : invariant.shown) {
    out << "  " << invariant.id;
    if (!offence.sale.empty()) out << " sale " << printable(offence.sale);
    if (!offence.order.empty()) out << " order " << printable(offence.order);
    out << ": " << printable(offence.what) << "\n";
  }
  const auto left = invariant.offences - static_cast<std::int64_t>(invariant.shown.size());
  if (left > 0) out << fmt::format("  {} and {} more\n", invariant.id, left);
}

json::object json_of(const AuditInvariant& invariant) {
  json::array offences;
  for (const Offence& offence : invariant.shown) {
    json::object object{{"sale", offence.sale}, {"what", offence.what}};
    put_bytes(object, "order", ByteView(offence.order));
    offences.push_back(std::move(object));
  }
  return {{"id", invariant.id},
          {"text", invariant.text},
          {"verdict", name_of(invariant.verdict)},
          {"checked", invariant.checked},
          {"unit", invariant.unit},
          {"offences", invariant.offences},
          {"shown", std::move(offences)}};
}

json::object json_of(const AuditSale& sale) {
  json::object object{{"sale", sale.sale},
                      {"partition", sale.partition},
                      {"granted", sale.granted},
                      {"held", sale.held},
                      {"available", sale.available},
                      {"orders", sale.orders},
                      {"released", sale.released},
                      {"refunds", sale.refunds},
                      {"rows", sale.rows},
                      {"units_in_rows", sale.units_in_rows},
                      {"frontend_available", nullptr}};
  if (sale.frontend) object["frontend_available"] = *sale.frontend;
  return object;
}

}  // namespace

void print_audit(std::ostream& out, const AuditReport& report) {
  print_sales(out, report);
  out << "\n";
  Table table({"", "VERDICT", "CHECKED", "BROKEN", "WHAT MUST HOLD"});
  for (const AuditInvariant& invariant : report.invariants) {
    table.add({std::string(invariant.id), std::string(name_of(invariant.verdict)),
               fmt::format("{} {}", invariant.checked, invariant.unit),
               fmt::to_string(invariant.offences), std::string(invariant.text)});
  }
  table.print(out);
  for (const AuditInvariant& invariant : report.invariants) print_offences(out, invariant);
  const AuditMotion& motion = report.motion;
  out << fmt::format(
      "\n{} records read, {} unreadable, {} of sales that live in another partition\n"
      "in motion: {} orders that the database has not read, {} that changed since, {} without "
      "their outcome on the log, {} units at the frontend\n{}\n",
      report.records, report.unreadable, report.strays, motion.unread, motion.changing,
      motion.unanswered, motion.units, verdict_of(report));
}

void print_audit_json(std::ostream& out, const AuditReport& report) {
  json::array invariants;
  for (const AuditInvariant& invariant : report.invariants) {
    invariants.push_back(json_of(invariant));
  }
  json::array sales;
  for (const AuditSale& sale : report.sales) sales.push_back(json_of(sale));
  const AuditMotion& motion = report.motion;
  print_json(out, json::object{{"verdict", verdict_of(report)},
                               {"invariants", std::move(invariants)},
                               {"sales", std::move(sales)},
                               {"in_motion", json::object{{"unread", motion.unread},
                                                          {"changing", motion.changing},
                                                          {"unanswered", motion.unanswered},
                                                          {"frontend_units", motion.units}}},
                               {"records", report.records},
                               {"unreadable", report.unreadable},
                               {"strays", report.strays}});
}

}  // namespace sluice::ctl
