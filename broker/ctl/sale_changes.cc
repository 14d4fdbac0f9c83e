#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "broker/ctl/admin_client.h"
#include "broker/ctl/admin_json.h"
#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/json.h"
#include "broker/ctl/print.h"
#include "shared/base/random.h"
#include "shared/config/text.h"
#include "shared/ledger/event.h"

namespace sluice::ctl {

namespace {

// As the frontend's.
constexpr std::size_t kMaxTokenBytes = 512;

// What a sale may be given or changed to; what is not set is left as it is.
struct Definition {
  std::optional<std::string> title;
  std::optional<std::int64_t> unit_price;
  std::optional<std::string> currency;
  std::optional<std::int64_t> per_user_limit;
  std::optional<std::string> starts_at;
  std::optional<std::string> ends_at;
  std::optional<std::string> payment_window;
  std::optional<std::string> purchase_token;
  std::optional<std::int64_t> proof_of_work;
  std::optional<std::int64_t> waiting_room_rate;
};

struct ChangeArguments {
  std::string frontend = "127.0.0.1:8081";
  std::string token;
  std::string sale;
  std::string key;
  std::optional<std::int64_t> revision;
  std::int64_t units = 0;
  bool draft = false;
  bool yes = false;
  Definition definition;
};
using Arguments = std::shared_ptr<ChangeArguments>;

// "none" takes a time away.
void put_when(json::object& body, const char* name, const std::optional<std::string>& time) {
  if (!time) return;
  body[name] = *time == "none" ? json::value(nullptr) : json::value(*time);
}

Result<json::object> body_of(const Definition& definition) {
  json::object body;
  if (definition.title) body["title"] = *definition.title;
  if (definition.unit_price) body["unit_price"] = *definition.unit_price;
  if (definition.currency) body["currency"] = *definition.currency;
  if (definition.per_user_limit) body["per_user_limit"] = *definition.per_user_limit;
  put_when(body, "starts_at", definition.starts_at);
  put_when(body, "ends_at", definition.ends_at);
  if (definition.purchase_token) body["purchase_token"] = *definition.purchase_token;
  if (definition.proof_of_work) body["proof_of_work"] = *definition.proof_of_work;
  if (definition.waiting_room_rate) body["waiting_room_rate"] = *definition.waiting_room_rate;
  if (definition.payment_window) {
    const auto window = config::parse_duration(*definition.payment_window);
    if (!window) {
      return fail(Code::invalid, fmt::format("--payment-window is \"{}\", expected one like 15m",
                                             printable(*definition.payment_window)));
    }
    body["payment_window_ms"] = window->count();
  }
  return body;
}

void print_sale(Context& context, const json::object& sale) {
  if (context.json()) {
    print_json(context.terminal.out, sale);
    return;
  }
  Properties lines;
  for (const auto& [name, value] : sale) {
    const auto* text = value.if_string();
    lines.add(name, text == nullptr ? json::serialize(value) : printable(*text));
  }
  lines.print(context.terminal.out);
}

// Sends the change under one Idempotency-Key. An outcome that stays open can be asked for with it.
Result<void> ask(Context& context, const ChangeArguments& arguments, std::string_view method,
                 std::string path, std::string body) {
  if (arguments.token.empty()) {
    return fail(Code::invalid,
                "the frontend's admin_token is needed: --token or "
                "SLUICE_ADMIN_TOKEN");
  }
  SystemRandom random;
  const std::string key = arguments.key.empty() ? uuid_text(random_uuid(random)) : arguments.key;
  // They stand in header lines.
  if (!ledger::is_plain_text(key, ledger::kMaxChangeBytes) || key.find('"') != key.npos) {
    return fail(Code::invalid, fmt::format("--key must have 1 to {} bytes of text without quotes",
                                           ledger::kMaxChangeBytes));
  }
  if (!ledger::is_plain_text(arguments.token, kMaxTokenBytes)) {
    return fail(Code::invalid, "--token is no token");
  }
  const std::string match =
      arguments.revision ? fmt::format("\"{}\"", *arguments.revision) : std::string("*");
  const auto reply =
      ask_admin({.address = arguments.frontend,
                 .method = method,
                 .path = std::move(path),
                 .headers = fmt::format("Authorization: Bearer {}\r\nIdempotency-Key: \"{}\"\r\n"
                                        "If-Match: {}\r\nContent-Type: application/json\r\n",
                                        arguments.token, key, match),
                 .body = std::move(body),
                 .connect_timeout = context.timeout(),
                 .answer_timeout = context.timeout(),
                 .waiting = {}});
  const bool open = reply ? reply->status == 504 : reply.error().code != Code::invalid;
  if (open) {
    context.say(fmt::format("it may have been done: --key {} asks for the same change again", key));
  }
  if (!reply) return std::unexpected(reply.error());
  TRY(sale, answer_of(*reply));
  print_sale(context, sale);
  return {};
}

Result<void> create(Context& context, const ChangeArguments& arguments) {
  TRY(body, body_of(arguments.definition));
  body["id"] = arguments.sale;
  body["stock"] = arguments.units;
  if (arguments.draft) body["draft"] = true;
  return ask(context, arguments, "POST", "/v1/sales", json::serialize(body));
}

// The path of a sale, or of something under it.
Result<std::string> path_of(const ChangeArguments& arguments, std::string_view under = "") {
  if (ledger::is_sale_id(arguments.sale)) {
    return fmt::format("/v1/sales/{}{}", arguments.sale, under);
  }
  return fail(Code::invalid,
              fmt::format("\"{}\" is no sale id: that is 1 to {} of A-Z a-z 0-9 . _ -",
                          printable(arguments.sale), ledger::kMaxSaleIdBytes));
}

Result<void> update(Context& context, const ChangeArguments& arguments) {
  TRY(path, path_of(arguments));
  TRY(body, body_of(arguments.definition));
  if (body.empty()) return fail(Code::invalid, "change what? --help lists it");
  return ask(context, arguments, "PATCH", path, json::serialize(body));
}

Result<void> restock(Context& context, const ChangeArguments& arguments) {
  TRY(path, path_of(arguments, "/grants"));
  return ask(context, arguments, "POST", path,
             json::serialize(json::object{{"units", arguments.units}}));
}

Result<void> act(Context& context, const ChangeArguments& arguments, std::string_view action) {
  TRY(path, path_of(arguments, action));
  return ask(context, arguments, "POST", path, "");
}

Result<void> close(Context& context, const ChangeArguments& arguments) {
  TRY_VOID(context.confirm(fmt::format("Close the sale {} for ever?", printable(arguments.sale)),
                           arguments.yes));
  return act(context, arguments, "/close");
}

void add_common_options(CLI::App& command, const Arguments& arguments) {
  command.add_option("sale", arguments->sale, "Which")->required()->type_name("SALE");
  command
      .add_option("--frontend", arguments->frontend, "The frontend's admin_listen, as host:port")
      ->envname("SLUICE_FRONTEND_ADMIN")
      ->capture_default_str();
  command.add_option("--token", arguments->token, "The frontend's admin_token")
      ->envname("SLUICE_ADMIN_TOKEN")
      ->type_name("TEXT");
  command.add_option("--key", arguments->key, "Idempotency-Key: the same change is made once")
      ->type_name("TEXT");
}

void add_condition(CLI::App& command, const Arguments& arguments) {
  command.add_option("--revision", arguments->revision, "Only if the sale is still at this one")
      ->type_name("N");
}

void add_definition_options(CLI::App& command, Definition& definition) {
  command.add_option("--title", definition.title, "What people read")->type_name("TEXT");
  command.add_option("--unit-price", definition.unit_price, "In minor units, such as cents")
      ->type_name("N");
  command.add_option("--currency", definition.currency, "ISO 4217 code")->type_name("CODE");
  command.add_option("--per-user-limit", definition.per_user_limit, "Units that one user may hold")
      ->type_name("N");
  command.add_option("--starts-at", definition.starts_at, "RFC 3339, or none")->type_name("TIME");
  command.add_option("--ends-at", definition.ends_at, "RFC 3339, or none")->type_name("TIME");
  command.add_option("--payment-window", definition.payment_window, "Such as 15m; 0s: for ever")
      ->type_name("DURATION");
  command
      .add_option("--purchase-token", definition.purchase_token,
                  "required: an order needs one, to be had from the start on; or none")
      ->type_name("NEED");
  command
      .add_option("--proof-of-work", definition.proof_of_work,
                  "Zero bits of a SHA-256 to be found for a purchase token; 0: none")
      ->type_name("BITS");
  command
      .add_option("--waiting-room-rate", definition.waiting_room_rate,
                  "Buyers a second that are let in from the waiting room; 0: there is none")
      ->type_name("N");
}

void run_with(CLI::App& command, Context& context, const Arguments& arguments,
              Result<void> (*run)(Context&, const ChangeArguments&)) {
  command.callback([&context, arguments, run] {
    context.action = [&context, arguments, run] { return run(context, *arguments); };
  });
}

// One of the changes that need no more than a name.
void add_action(CLI::App& sale, Context& context, const char* name, const char* about) {
  const auto arguments = std::make_shared<ChangeArguments>();
  CLI::App* command = sale.add_subcommand(name, about);
  command->footer(
      fmt::format("Done when the log has it.\n\nExamples:\n  sluicectl sale {} phone", name));
  add_common_options(*command, arguments);
  add_condition(*command, arguments);
  const std::string path = fmt::format("/{}", name);
  command->callback([&context, arguments, path] {
    context.action = [&context, arguments, path] { return act(context, *arguments, path); };
  });
}

}  // namespace

void add_sale_changes(CLI::App& sale, Context& context) {
  auto arguments = std::make_shared<ChangeArguments>();
  CLI::App* command = sale.add_subcommand("create", "Create a sale");
  command->footer(
      "Asks the frontend's admin HTTP; done when the log has it. Without --draft it is published:\n"
      "it opens at its start, or at once.\n"
      "\n"
      "Examples:\n"
      "  sluicectl sale create phone --stock 1000 --unit-price 99900 --starts-at "
      "2026-11-11T00:00:00+08:00\n"
      "  sluicectl sale create phone --stock 1000 --waiting-room-rate 100\n"
      "  sluicectl sale create phone --stock 1000 --draft && sluicectl sale publish phone");
  add_common_options(*command, arguments);
  command->add_option("--stock", arguments->units, "Units to sell")->required()->type_name("N");
  command->add_flag("--draft", arguments->draft, "Not shown and not sold until it is published");
  add_definition_options(*command, arguments->definition);
  run_with(*command, context, arguments, create);

  arguments = std::make_shared<ChangeArguments>();
  command = sale.add_subcommand("update",
                                "Change title, price, limit, times, or what is asked of buyers");
  command->footer(
      "Orders that were placed keep their price and deadline.\n"
      "\n"
      "Examples:\n"
      "  sluicectl sale update phone --ends-at 2026-11-12T00:00:00+08:00\n"
      "  sluicectl sale update phone --ends-at none --revision 3\n"
      "  sluicectl sale update phone --waiting-room-rate 200");
  add_common_options(*command, arguments);
  add_condition(*command, arguments);
  add_definition_options(*command, arguments->definition);
  run_with(*command, context, arguments, update);

  add_action(sale, context, "publish", "Make a draft a sale that opens at its start");
  add_action(sale, context, "pause", "Stop selling until it is resumed");
  add_action(sale, context, "resume", "Go on selling");

  arguments = std::make_shared<ChangeArguments>();
  command = sale.add_subcommand("restock", "Add units, also while it sells");
  command->footer(
      "Examples:\n"
      "  sluicectl sale restock phone 500 --key delivery-17");
  add_common_options(*command, arguments);
  add_condition(*command, arguments);
  command->add_option("units", arguments->units, "How many more")->required()->type_name("N");
  run_with(*command, context, arguments, restock);

  arguments = std::make_shared<ChangeArguments>();
  command = sale.add_subcommand("close", "End a sale for ever");
  command->footer(
      "Its orders go on to be paid or to expire; nothing is sold any more, and nothing can reopen\n"
      "it. To stop for a while, pause.\n"
      "\n"
      "Examples:\n"
      "  sluicectl sale close phone --yes");
  add_common_options(*command, arguments);
  add_condition(*command, arguments);
  command->add_flag("-y,--yes", arguments->yes, "Without asking");
  run_with(*command, context, arguments, close);
}

}  // namespace sluice::ctl
