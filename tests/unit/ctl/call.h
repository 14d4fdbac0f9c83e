#pragma once
// sluicectl called as a shell calls it.

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "broker/ctl/command_line.h"
#include "shared/client/settings.h"

namespace sluice::ctl {

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

inline Outcome call(std::vector<std::string> words, const std::string& input = "",
                    bool tty = false) {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  Terminal terminal{.in = in, .out = out, .err = err, .in_is_tty = tty};
  std::vector<const char*> argv = {"sluicectl"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  const int status = run(static_cast<int>(argv.size()), argv.data(), terminal);
  return {status, out.str(), err.str()};
}

// The options with which sluicectl reaches that cluster.
inline std::vector<std::string> options_of(const client::Settings& settings) {
  std::vector<std::string> words = {"-b", settings.bootstrap_servers, "--timeout", "30"};
  for (const std::string& option : settings.extra) words.insert(words.end(), {"-X", option});
  return words;
}

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace sluice::ctl
