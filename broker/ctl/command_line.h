#pragma once
// The command line of sluicectl: what it understands, and what its exit code says.

#include <iosfwd>

namespace sluice::ctl {

// Where a command reads and writes: data to `out`, messages to `err`.
struct Terminal {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool in_is_tty = false;  // somebody is there to be asked
};

inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;  // the command failed; `err` says why
inline constexpr int kExitUsage = 2;  // the command line is wrong

int run(int argc, const char* const* argv, Terminal& terminal);

}  // namespace sluice::ctl
