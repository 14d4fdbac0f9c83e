#pragma once
// sluicectl called as a shell calls it.

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "broker/ctl/command_line.h"

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

inline bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace sluice::ctl
