#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
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
  return ledger::name_of(ledger::stage_of(sale, now.unix_millis));
}

std::string_view needs_token(const ledger::Sale& definition) {
  return ledger::needs_purchase_token(definition) ? "required" : "none";
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
                      {"waiting", sale.waiting},
                      {"revision", sale.revision},
                      {"unit_price", definition.unit_price},
                      {"currency", definition.currency},
                      {"per_user_limit", definition.per_user_limit},
                      {"payment_window_ms", definition.payment_window_ms},
                      {"purchase_token", needs_token(definition)},
                      {"proof_of_work", definition.proof_of_work},
                      {"waiting_room_rate", definition.waiting_room_rate}};
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

Result<void> show(Context& context, const std::string& id) {
  TRY(scan, scan_ledger(context, id, [](const auto&, const auto&, const auto&) {}));
  for (const auto& [partition, fold] : scan.folds) {
    const ledger::SaleState* sale = fold.find_sale(id);
    if (sale == nullptr) continue;
    const WallTime now = SystemClock().wall();
    if (context.json()) {
      print_json(context.terminal.out, json_of(*sale, partition, now));
      return fold.verify();
    }
    const ledger::Sale& definition = sale->definition;
    Properties lines;
    lines.add("sale", id);
    lines.add("title", printable(definition.title));
    lines.add("state", std::string(state_of(*sale, now)));
    lines.add("revision", fmt::to_string(sale->revision));
    lines.add("granted", fmt::to_string(sale->granted));
    lines.add("held", fmt::to_string(sale->held));
    lines.add("available", fmt::to_string(sale->available()));
    lines.add("orders", fmt::format("{}, {} of them waiting", sale->orders, sale->waiting));
    lines.add("price", fmt::format("{} {}", definition.unit_price, printable(definition.currency)));
    lines.add("per user", fmt::to_string(definition.per_user_limit));
    lines.add("starts at", time_text(definition.starts_at.value_or(-1)));
    lines.add("ends at", time_text(definition.ends_at.value_or(-1)));
    lines.add("to pay", definition.payment_window_ms == 0
                            ? "-"
                            : fmt::format("{} ms", definition.payment_window_ms));
    lines.add("token", std::string(needs_token(definition)));
    lines.add("work", fmt::format("{} bits", definition.proof_of_work));
    lines.add("waiting room", definition.waiting_room_rate == 0
                                  ? "-"
                                  : fmt::format("{} buyers/s", definition.waiting_room_rate));
    lines.add("partition", fmt::to_string(partition));
    lines.print(context.terminal.out);
    return fold.verify();
  }
  return fail(Code::not_found, fmt::format("there is no sale {}", printable(id)));
}

}  // namespace

void add_sale_commands(CLI::App& app, Context& context) {
  CLI::App* sale = app.add_subcommand("sale", "Sales: what the ledger tells, and changing them");
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

  command = sale->add_subcommand("show", "Show a sale: its state, stock and definition");
  command->footer(
      "Folds the partition of the sale. REVISION is what a change can be made conditional on.\n"
      "\n"
      "Examples:\n"
      "  sluicectl sale show phone\n"
      "  sluicectl sale show phone -o json | jq .revision");
  const auto id = std::make_shared<std::string>();
  command->add_option("sale", *id, "Which")->required()->type_name("SALE");
  command->callback(
      [&context, id] { context.action = [&context, id] { return show(context, *id); }; });
  add_sale_audit(*sale, context);
  add_sale_export(*sale, context);
  add_sale_changes(*sale, context);
}

}  // namespace sluice::ctl
