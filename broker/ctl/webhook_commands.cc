// sluicectl webhook: what a shop's own system is still to be told, as the orders database has it.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/json.h"
#include "broker/ctl/print.h"
#include "shared/orders/delivery_store.h"

namespace sluice::ctl {

namespace {

using orders::Delivery;
using orders::DeliveryStore;

struct WebhookArguments {
  std::string database;
  std::string order;
  std::vector<std::string> ids;
  std::size_t limit = 100;
  bool parked = false;
  bool all = false;
};

json::object json_of(const Delivery& delivery) {
  json::object object{{"id", delivery.id},
                      {"order", delivery.order_id},
                      {"type", delivery.type},
                      {"state", delivery.parked ? "parked" : "pending"},
                      {"attempts", delivery.attempts},
                      {"last_error", delivery.last_error},
                      {"log_partition", delivery.log_partition},
                      {"log_offset", delivery.log_offset},
                      {"body", delivery.body}};
  put_time(object, "created", delivery.created_at);
  put_time(object, "due", delivery.due_at);
  return object;
}

Result<void> list(const Context& context, const WebhookArguments& arguments) {
  TRY(store, DeliveryStore::open(arguments.database));
  TRY(found, store->list({.parked = arguments.parked ? std::optional(true) : std::nullopt,
                          .order_id = arguments.order,
                          .limit = arguments.limit}));
  std::ostream& out = context.terminal.out;
  if (context.json()) {
    for (const Delivery& delivery : found) print_json(out, json_of(delivery));
  } else {
    Table table({"ID", "STATE", "MADE", "ATTEMPTS", "NEXT", "LAST ERROR"});
    for (const Delivery& delivery : found) {
      table.add({delivery.id, delivery.parked ? "parked" : "pending",
                 time_text(delivery.created_at), fmt::to_string(delivery.attempts),
                 delivery.parked ? "-" : time_text(delivery.due_at),
                 printable(delivery.last_error)});
    }
    table.print(out);
  }
  if (found.size() == arguments.limit) {
    context.say(fmt::format("the first {}; there may be more (--limit)", found.size()));
  }
  return {};
}

std::unexpected<Error> no_delivery(const std::string& id) {
  return fail(Code::not_found,
              fmt::format("there is no delivery {}: it was made, or never was", printable(id)));
}

Result<void> show(const Context& context, const WebhookArguments& arguments) {
  TRY(store, DeliveryStore::open(arguments.database));
  TRY(found, store->find(arguments.ids.front()));
  if (!found) return no_delivery(arguments.ids.front());
  if (context.json()) {
    print_json(context.terminal.out, json_of(*found));
    return {};
  }
  Properties lines;
  lines.add("id", found->id);
  lines.add("order", found->order_id);
  lines.add("state", found->parked ? "parked" : "pending");
  lines.add("made", time_text(found->created_at));
  lines.add("record", fmt::format("{}:{}", found->log_partition, found->log_offset));
  lines.add("attempts", fmt::to_string(found->attempts));
  if (!found->parked) lines.add("next", time_text(found->due_at));
  if (!found->last_error.empty()) lines.add("last error", printable(found->last_error));
  lines.add("body", printable(found->body));
  lines.print(context.terminal.out);
  return {};
}

Result<void> redeliver(const Context& context, const WebhookArguments& arguments) {
  TRY(store, DeliveryStore::open(arguments.database));
  const WallTime now = SystemClock().wall();
  if (arguments.all) {
    TRY(count, store->send_back_all(now));
    context.say(fmt::format("{} deliveries are sent again", count));
    return {};
  }
  std::size_t failed = 0;
  for (const std::string& id : arguments.ids) {
    TRY(count, store->send_back(id, now));
    if (count == 1) {
      context.say(fmt::format("{} is sent again", id));
      continue;
    }
    context.say(fmt::format("{} is not parked", printable(id)));
    failed += 1;
  }
  if (failed == 0) return {};
  return fail(Code::not_found,
              fmt::format("{} of {} are not sent again", failed, arguments.ids.size()));
}

using Arguments = std::shared_ptr<WebhookArguments>;

CLI::App* add_command(CLI::App& webhook, const Arguments& arguments, const char* name,
                      const char* about) {
  CLI::App* command = webhook.add_subcommand(name, about);
  command
      ->add_option("--database", arguments->database,
                   "The worker's database, as its option has it: sqlite:PATH, postgresql://..., "
                   "mysql://...")
      ->envname("SLUICE_DATABASE")
      ->required()
      ->type_name("URL");
  return command;
}

void add_list(CLI::App& webhook, Context& context, const Arguments& arguments) {
  CLI::App* command = add_command(webhook, arguments, "list", "List what is not delivered yet");
  command->footer(
      "The oldest first; with -o json each line is one object. What was delivered is not kept.\n"
      "\n"
      "Examples:\n"
      "  sluicectl webhook list --database sqlite:data/orders.db --parked\n"
      "  sluicectl webhook list --order ifvdktio25a4ul6lie3ry6l3b4 -o json | jq -r .last_error");
  command->add_flag("--parked", arguments->parked, "Only what is not attempted any more");
  command->add_option("--order", arguments->order, "Only of this order")->type_name("ORDER");
  command->add_option("-n,--limit", arguments->limit, "Stop after so many")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N")
      ->capture_default_str();
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return list(context, *arguments); };
  });
}

void add_show(CLI::App& webhook, Context& context, const Arguments& arguments) {
  CLI::App* command = add_command(webhook, arguments, "show", "Show one delivery with its body");
  command->footer(
      "Example:\n"
      "  sluicectl webhook show ifvdktio25a4ul6lie3ry6l3b4-paid --database sqlite:data/orders.db");
  command->add_option("id", arguments->ids, "As 'webhook list' has it")
      ->required()
      ->expected(1)
      ->type_name("ID");
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return show(context, *arguments); };
  });
}

void add_redeliver(CLI::App& webhook, Context& context, const Arguments& arguments) {
  CLI::App* command =
      add_command(webhook, arguments, "redeliver", "Have parked deliveries sent again");
  command->footer(
      "They are attempted as new ones are, with the ids that they had. The worker that owns them\n"
      "sees it within a second. Exit code 1 when one is not parked.\n"
      "\n"
      "Examples:\n"
      "  sluicectl webhook redeliver ifvdktio25a4ul6lie3ry6l3b4-paid\n"
      "  sluicectl webhook redeliver --all --database sqlite:data/orders.db");
  CLI::Option* ids =
      command->add_option("id", arguments->ids, "As 'webhook list' has it")->type_name("ID");
  CLI::Option* all = command->add_flag("--all", arguments->all, "All that are parked");
  all->excludes(ids);
  command->callback([&context, arguments] {
    if (arguments->ids.empty() && !arguments->all) {
      throw CLI::RequiredError("ID or --all");
    }
    context.action = [&context, arguments] { return redeliver(context, *arguments); };
  });
}

}  // namespace

void add_webhook_commands(CLI::App& app, Context& context) {
  CLI::App* webhook = app.add_subcommand("webhook", "Deliveries to the shop's own system");
  webhook->require_subcommand(1);
  webhook->footer(
      "What becomes of an order is POSTed to the worker's webhook_url; what could not be "
      "delivered\n"
      "for webhook_retry_for, or was answered 410, is parked (docs/webhook.md). These commands "
      "need\n"
      "the orders database alone. 'sluicectl webhook COMMAND --help' has examples.");
  const auto arguments = std::make_shared<WebhookArguments>();
  add_list(*webhook, context, arguments);
  add_show(*webhook, context, arguments);
  add_redeliver(*webhook, context, arguments);
}

}  // namespace sluice::ctl
