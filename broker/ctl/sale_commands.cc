#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <string_view>

#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/json.h"
#include "broker/ctl/ledger_scan.h"
#include "broker/ctl/print.h"

namespace sluice::ctl {

namespace {

std::string_view state_of(const ledger::SaleState& sale, WallTime now) {
  const ledger::Sale& definition = sale.definition;
  if (definition.closed) return "closed";
  if (definition.ends_at && now.unix_millis >= *definition.ends_at) return "ended";
  if (definition.paused) return "paused";
  if (definition.starts_at && now.unix_millis < *definition.starts_at) return "scheduled";
  return sale.available() == 0 ? "sold out" : "open";
}

json::object json_of(const ledger::SaleState& sale, std::int32_t partition, WallTime now) {
  const ledger::Sale& definition = sale.definition;
  json::object object{{"sale", definition.sale},
                      {"title", definition.title},
                      {"state", state_of(sale, now)},
                      {"granted", sale.granted},
                      {"held", sale.held},
                      {"available", sale.available()},
                      {"orders", sale.orders},
                      {"unit_price", definition.unit_price},
                      {"currency", definition.currency},
                      {"per_user_limit", definition.per_user_limit},
                      {"payment_window_ms", definition.payment_window_ms}};
  put_time(object, "starts_at", definition.starts_at.value_or(-1));
  put_time(object, "ends_at", definition.ends_at.value_or(-1));
  object["partition"] = partition;
  return object;
}

Result<void> list(Context& context) {
  TRY(scan, scan_ledger(context, std::nullopt, [](const auto&, const auto&, const auto&) {}));
  struct Row {
    const ledger::SaleState* sale;
    std::int32_t partition;
  };
  std::map<std::string, Row> sales;
  Result<void> verdict;
  for (const auto& [partition, fold] : scan.folds) {
    for (const auto& [id, sale] : fold.sales()) sales.insert_or_assign(id, Row{sale, partition});
    if (auto holds = fold.verify(); !holds) {
      verdict = fail(Code::corrupt, fmt::format("partition {} of the ledger: {}", partition,
                                                holds.error().context));
    }
  }
  const WallTime now = SystemClock().wall();
  if (context.json()) {
    json::array array;
    for (const auto& [id, row] : sales) array.push_back(json_of(*row.sale, row.partition, now));
    print_json(context.terminal.out, array);
    return verdict;
  }
  Table table(
      {"SALE", "STATE", "GRANTED", "HELD", "AVAILABLE", "ORDERS", "PRICE", "PARTITION", "TITLE"});
  for (const auto& [id, row] : sales) {
    const ledger::Sale& definition = row.sale->definition;
    table.add({id, std::string(state_of(*row.sale, now)), fmt::to_string(row.sale->granted),
               fmt::to_string(row.sale->held), fmt::to_string(row.sale->available()),
               fmt::to_string(row.sale->orders),
               fmt::format("{} {}", definition.unit_price, printable(definition.currency)),
               fmt::to_string(row.partition), printable(definition.title)});
  }
  table.print(context.terminal.out);
  return verdict;
}

}  // namespace

void add_sale_commands(CLI::App& app, Context& context) {
  CLI::App* sale = app.add_subcommand("sale", "Sales and their stock, as the ledger tells them");
  sale->require_subcommand(1);
  sale->footer("'sluicectl sale COMMAND --help' has examples.");
  CLI::App* command = sale->add_subcommand("list", "List the sales with their stock");
  command->footer(
      "Folds the whole ledger topic: AVAILABLE is GRANTED minus HELD, the units of all orders "
      "that\n"
      "are reserved, placed or paid. Fails when the ledger breaks its own rules.\n"
      "\n"
      "Examples:\n"
      "  sluicectl sale list\n"
      "  sluicectl sale list -o json | jq '.[] | {sale, available}'");
  command->callback([&context] { context.action = [&context] { return list(context); }; });
}

}  // namespace sluice::ctl
