#pragma once
// Log lines for operators, one event each, to stderr:
//   2026-03-01T12:00:00.000Z info sluice-broker: ready listen=127.0.0.1:9092 admin_listen=…
// The event is a few words, then key=value; a value with spaces goes through quoted(). Control
// characters are escaped, so a peer's text cannot forge a line. Thread-safe. Takes a lock and a
// write: never on a path that runs per record or request.

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "shared/base/result.h"

namespace sluice::log {

enum class Level { debug, info, warning, error };

// Once, before the other threads start. Until then: program "sluice", level info.
void start(std::string_view program, Level level);

// "debug", "info", "warning" or "error".
Result<Level> level_named(std::string_view name);

bool enabled(Level level);
void write(Level level, std::string_view text);

// In double quotes if it holds anything but letters, digits and harmless signs.
std::string quoted(std::string_view value);

template <class... Args>
void debug(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::debug)) write(Level::debug, fmt::format(text, std::forward<Args>(args)...));
}

template <class... Args>
void info(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::info)) write(Level::info, fmt::format(text, std::forward<Args>(args)...));
}

template <class... Args>
void warning(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::warning)) {
    write(Level::warning, fmt::format(text, std::forward<Args>(args)...));
  }
}

template <class... Args>
void error(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::error)) write(Level::error, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace sluice::log
