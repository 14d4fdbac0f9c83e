#include "broker/ctl/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <vector>

#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"

namespace sluice::ctl {

namespace {

constexpr const char* kAbout =
    "Looks into a Sluice broker, or any other Kafka-protocol server, and into the ledger of sales\n"
    "and orders that is kept on it. Makes, restores and checks backups of a Sluice broker.";

constexpr const char* kFooter =
    "Data goes to stdout, messages go to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage.\n"
    "\n"
    "Examples:\n"
    "  sluicectl topic list\n"
    "  sluicectl -b broker:9092 group describe order-worker\n"
    "  sluicectl message find orders --key order-17\n"
    "  sluicectl order show ifvdktio25a4ul6lie3ry6l3b4\n"
    "  sluicectl sale list -o json | jq '.[].available'\n"
    "\n"
    "'sluicectl COMMAND --help' has more of them.";

void add_global_options(CLI::App& app, Context& context) {
  app.add_option("-b,--bootstrap-servers", context.settings.bootstrap_servers,
                 "Servers to ask first, as host:port, comma separated")
      ->envname("SLUICE_BOOTSTRAP_SERVERS")
      ->capture_default_str();
  const auto format_of = [](std::string& text) -> std::string {
    if (text == "table" || text == "json") return {};
    return fmt::format("\"{}\" is neither table nor json", text);
  };
  app.add_option_function<std::string>(
         "-o,--output",
         [&context](const std::string& text) {
           context.format = text == "json" ? Format::json : Format::table;
         },
         "table for people, json for programs")
      ->check(CLI::Validator(format_of, ""))
      ->type_name("table|json")
      ->default_str("table");
  app.add_option("--timeout", context.timeout_seconds, "Seconds to wait for a server")
      ->check(CLI::Range(1, 3600))
      ->type_name("SECONDS")
      ->capture_default_str();
  app.add_option("-X,--client-option", context.settings.extra,
                 "An option of librdkafka, such as security.protocol=SSL; may be repeated")
      ->type_name("NAME=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  app.set_version_flag("--version", "sluicectl " SLUICE_VERSION, "Print the version");
}

int parse_and_run(CLI::App& app, int argc, const char* const* argv, Context& context) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // The parser misses a command before it minds a word that is none; the word says more.
    const std::vector<std::string> unknown = app.remaining(true);
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) &&
        !unknown.empty()) {
      context.say(fmt::format("there is no command \"{}\" here; --help lists them", unknown[0]));
      return kExitUsage;
    }
    const int status = app.exit(error, context.terminal.out, context.terminal.err);
    return status == 0 ? kExitOk : kExitUsage;
  }
  const Result<void> done = context.action();
  context.terminal.out.flush();
  if (!done) {
    context.say(done.error().context);
    return context.status_of_error;
  }
  if (!context.terminal.out) {
    context.say("cannot write to stdout");
    return kExitError;
  }
  return kExitOk;
}

}  // namespace

void Context::say(std::string_view message) const {
  terminal.out.flush();
  terminal.err << "sluicectl: " << message << "\n";
}

Result<void> Context::confirm(std::string_view question, bool yes) const {
  if (yes) return {};
  if (!terminal.in_is_tty) {
    return fail(Code::invalid, fmt::format("{} Pass --yes to do it without being asked", question));
  }
  terminal.err << question << " [y/N] " << std::flush;
  std::string answer;
  std::getline(terminal.in, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return {};
  return fail(Code::closed, "nothing was done");
}

int run(int argc, const char* const* argv, Terminal& terminal) {
  Context context{.terminal = terminal};
  context.settings.client_id = "sluicectl";
  CLI::App app(kAbout, "sluicectl");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.fallthrough();  // global options may stand behind the command; subcommands inherit it
  app.get_formatter()->column_width(34);
  add_global_options(app, context);
  add_topic_commands(app, context);
  add_group_commands(app, context);
  add_delay_commands(app, context);
  add_dlq_commands(app, context);
  add_message_commands(app, context);
  add_order_commands(app, context);
  add_sale_commands(app, context);
  add_backup_commands(app, context);
  add_storage_commands(app, context);
  add_token_command(app, context);
  add_webhook_commands(app, context);
  return parse_and_run(app, argc, argv, context);
}

}  // namespace sluice::ctl
