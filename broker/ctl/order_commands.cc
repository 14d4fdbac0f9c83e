#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/json.h"
#include "broker/ctl/ledger_scan.h"
#include "broker/ctl/print.h"
#include "shared/ledger/codec.h"
#include "shared/ledger/order_id.h"

namespace sluice::ctl {

namespace {

// One record about the order.
struct Fact {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = -1;
  std::string type;
  std::string effect;  // what it changed, by the name of the fold's change
  std::string why;     // a void reason, or a rejection's
  Buffer event;        // as JSON
};

struct Found {
  std::string id;
  ledger::Order order;
  std::string sale;
  std::string currency;
  std::string why_rejected;
  std::int32_t partition = 0;
  std::vector<Fact> facts;
};

Fact fact_of(const client::Record& record, const ledger::Event& event,
             const ledger::Change& change) {
  Fact fact{.partition = record.partition,
            .offset = record.offset,
            .timestamp_ms = record.timestamp_ms,
            .type = std::string(ledger::type_of(event)),
            .effect = std::string(ledger::name_of(change.kind)),
            .event = Buffer(record.value.value_or(""))};
  if (change.void_reason != ledger::VoidReason::none) {
    fact.why = ledger::name_of(change.void_reason);
  }
  if (const auto* rejected = std::get_if<ledger::Rejected>(&event)) fact.why = rejected->why;
  return fact;
}

Result<Found> find(Context& context, const std::string& id,
                   const std::optional<std::string>& sale) {
  Found found{.id = id};
  TRY(scan, scan_ledger(context, sale,
                        [&](const client::Record& record, const ledger::Event& event,
                            const ledger::Change& change) {
                          if (change.order != id) return;
                          found.facts.push_back(fact_of(record, event, change));
                          const auto* reserve = std::get_if<ledger::Reserve>(&event);
                          if (reserve == nullptr || change.kind == ledger::Change::Kind::repeated) {
                            return;
                          }
                          found.sale = reserve->sale;
                          found.currency = reserve->currency;
                        }));
  for (const auto& [partition, fold] : scan.folds) {
    const ledger::Order* order = fold.find_order(id);
    if (order == nullptr) continue;
    found.order = *order;
    found.order.sale = nullptr;  // belongs to the fold, which goes
    found.partition = partition;
    found.why_rejected = fold.why_rejected(id);
    return found;
  }
  return fail(Code::not_found, sale ? fmt::format("sale {} has no order {}", *sale, id)
                                    : fmt::format("there is no order {}", id));
}

void print_table(Context& context, const Found& found) {
  const ledger::Order& order = found.order;
  Properties head;
  head.add("order", found.id);
  head.add("sale", found.sale);
  head.add("user", printable(order.user));
  head.add("state",
           std::string(ledger::name_of(order.state)) + (order.refund_due ? ", refund due" : ""));
  if (order.void_reason != ledger::VoidReason::none) {
    head.add("void because", std::string(ledger::name_of(order.void_reason)));
  }
  if (!found.why_rejected.empty()) head.add("rejected because", printable(found.why_rejected));
  head.add("quantity", fmt::to_string(order.quantity));
  head.add("unit price", fmt::format("{} {}", order.unit_price, printable(found.currency)));
  head.add("reserved at", time_text(order.reserved_at));
  head.add("pay until", order.deadline == 0 ? "-" : time_text(order.deadline));
  head.add("partition", fmt::to_string(found.partition));
  head.print(context.terminal.out);
  context.terminal.out << "\n";
  Table table({"OFFSET", "TIME", "EVENT", "EFFECT", "WHY"});
  for (const Fact& fact : found.facts) {
    table.add({fmt::to_string(fact.offset), time_text(fact.timestamp_ms), fact.type, fact.effect,
               printable(fact.why)});
  }
  table.print(context.terminal.out);
}

void print_object(Context& context, const Found& found) {
  const ledger::Order& order = found.order;
  json::array events;
  for (const Fact& fact : found.facts) {
    json::object object{{"partition", fact.partition}, {"offset", fact.offset}};
    put_time(object, "timestamp", fact.timestamp_ms);
    object["type"] = fact.type;
    object["effect"] = fact.effect;
    object["why"] = fact.why;
    object["event"] = json::parse(fact.event);  // the codec has read it before
    events.push_back(std::move(object));
  }
  json::object object{{"order", found.id},
                      {"sale", found.sale},
                      {"user", order.user},
                      {"state", ledger::name_of(order.state)},
                      {"refund_due", order.refund_due},
                      {"void_reason", ledger::name_of(order.void_reason)},
                      {"why_rejected", found.why_rejected},
                      {"quantity", order.quantity},
                      {"unit_price", order.unit_price},
                      {"currency", found.currency}};
  put_time(object, "reserved_at", order.reserved_at);
  put_time(object, "deadline", order.deadline == 0 ? -1 : order.deadline);
  object["partition"] = found.partition;
  object["events"] = std::move(events);
  print_json(context.terminal.out, object);
}

Result<void> show(Context& context, const std::string& id, const std::string& sale) {
  if (!ledger::pack_order_id(id)) {
    return fail(Code::invalid,
                fmt::format("\"{}\" is no order id: that is {} characters of a-z and 2-7",
                            printable(id), ledger::kOrderIdChars));
  }
  TRY(found, find(context, id, sale.empty() ? std::nullopt : std::optional(sale)));
  if (context.json()) {
    print_object(context, found);
  } else {
    print_table(context, found);
  }
  return {};
}

}  // namespace

void add_order_commands(CLI::App& app, Context& context) {
  CLI::App* order = app.add_subcommand("order", "Orders, as the ledger tells them");
  order->require_subcommand(1);
  order->footer("'sluicectl order COMMAND --help' has examples.");

  struct Arguments {
    std::string id;
    std::string sale;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = order->add_subcommand("show", "Show an order: every event and what it did");
  command->footer(
      "Reads the ledger topic from its start; --sale reads only the partition of that sale.\n"
      "\n"
      "Examples:\n"
      "  sluicectl order show ifvdktio25a4ul6lie3ry6l3b4\n"
      "  sluicectl order show ifvdktio25a4ul6lie3ry6l3b4 --sale phone -o json | jq .state");
  command->add_option("id", arguments->id, "Its id, as the 202 answer names it")
      ->required()
      ->type_name("ID");
  command->add_option("--sale", arguments->sale, "The sale it belongs to, if you know")
      ->type_name("SALE");
  command->callback([&context, arguments] {
    context.action = [&context, arguments] {
      return show(context, arguments->id, arguments->sale);
    };
  });
}

}  // namespace sluice::ctl
