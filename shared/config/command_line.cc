#include "shared/config/command_line.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>

#include "shared/config/schema.h"

namespace sluice::config {
namespace {

struct Flags {
  std::string config;
  std::vector<std::string> assignments;
  bool help = false;
  bool version = false;
  bool check_config = false;
  bool sample_config = false;
};

CommandLine done(std::string out) {
  return {.out = std::move(out)};
}

CommandLine wrong(const Schema& schema, std::string_view what) {
  return {.exit_code = 2,
          .err = fmt::format("{}: {}\nTry {} --help\n", schema.program(), what, schema.program())};
}

std::string usage(const Schema& schema) {
  return fmt::format(
      "{0}: {1}\n\n"
      "Usage: {0} [--config FILE] [--set NAME=VALUE]...\n\n"
      "  --config FILE       read options from a YAML file\n"
      "  --set NAME=VALUE    set one option; repeatable, wins over the file\n"
      "  --check-config      read everything, say whether it is right, and exit\n"
      "  --sample-config     print a configuration file with every option and exit\n"
      "  --version           print the version and exit\n"
      "  --help              print this and exit\n\n"
      "Options of the file and of --set:\n{2}",
      schema.program(), schema.summary(), schema.help());
}

}  // namespace

CommandLine parse_command_line(Schema& schema, int argc, const char* const* argv) {
  Flags flags;
  CLI::App app(schema.summary(), schema.program());
  app.set_help_flag();  // ours: CLI11 would not know the options of the file
  app.add_flag("--help,-h", flags.help);
  app.add_flag("--version", flags.version);
  app.add_flag("--check-config", flags.check_config);
  app.add_flag("--sample-config", flags.sample_config);
  app.add_option("--config", flags.config);
  app.add_option("--set", flags.assignments)->allow_extra_args(false);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return wrong(schema, e.what());
  }
  if (flags.help) return done(usage(schema));
  if (flags.version) return done(fmt::format("{} {}\n", schema.program(), SLUICE_VERSION));
  if (flags.sample_config) return done(schema.sample());
  if (!flags.config.empty()) {
    if (const auto loaded = schema.load(flags.config); !loaded) {
      return wrong(schema, loaded.error().context);
    }
  }
  for (const std::string& assignment : flags.assignments) {
    if (const auto set = schema.set(assignment); !set) return wrong(schema, set.error().context);
  }
  if (const auto kept = schema.check(); !kept) return wrong(schema, kept.error().context);
  if (flags.check_config) return done("the configuration is right\n");
  return {.run = true};
}

CommandLine read_command_line(Schema& schema, int argc, const char* const* argv) {
  CommandLine line = parse_command_line(schema, argc, argv);
  std::fputs(line.out.c_str(), stdout);
  std::fputs(line.err.c_str(), stderr);
  return line;
}

}  // namespace sluice::config
