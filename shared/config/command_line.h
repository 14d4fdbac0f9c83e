#pragma once
// The command line that every daemon has: --config FILE, --set NAME=VALUE (repeatable, wins over
// the file), --check-config, --sample-config, --help, --version.

#include <string>

namespace sluice::config {

class Schema;

// What main does next: go on serving, or print `out` and `err` and return `exit_code`
// (0: it did what was asked, 2: the command line or the configuration is wrong).
struct CommandLine {
  bool run = false;
  int exit_code = 0;
  std::string out;
  std::string err;
};

// Fills the schema's targets from the file and the --set flags, and applies the rules.
CommandLine parse_command_line(Schema& schema, int argc, const char* const* argv);

// The same, printed to stdout and stderr:
//   const auto line = config::read_command_line(schema, argc, argv);
//   if (!line.run) return line.exit_code;
CommandLine read_command_line(Schema& schema, int argc, const char* const* argv);

}  // namespace sluice::config
