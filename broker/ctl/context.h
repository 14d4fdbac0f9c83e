#pragma once
// What every command gets: the global options and the terminal.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "broker/ctl/command_line.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/client/admin.h"
#include "shared/client/settings.h"

namespace sluice::ctl {

enum class Format { table, json };

// Lives as long as the command; used by the main thread.
struct Context {
  Terminal& terminal;
  client::Settings settings;
  Format format = Format::table;
  int timeout_seconds = 10;
  int status_of_error = kExitError;  // what the program ends with when the action fails

  // What the command line asks for; set while it is parsed, run after.
  std::function<Result<void>()> action;

  bool json() const { return format == Format::json; }
  Millis timeout() const { return std::chrono::seconds(timeout_seconds); }
  Result<std::unique_ptr<client::Admin>> admin() const {
    return client::Admin::open(settings, timeout());
  }

  // A line for the person, not for the pipe.
  void say(std::string_view message) const;

  // Asks before something is destroyed. Without anybody to ask, only `yes` (--yes) lets it pass.
  Result<void> confirm(std::string_view question, bool yes) const;
};

}  // namespace sluice::ctl
