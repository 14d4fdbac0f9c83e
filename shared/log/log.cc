#include "shared/log/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace sluice::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> make(std::string program, Level level) {
  auto logger = std::make_shared<spdlog::logger>(std::move(program),
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(to_spdlog(level));
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %n: %v", spdlog::pattern_time_type::utc);
  logger->flush_on(spdlog::level::trace);
  return logger;
}

// A function-local static: lines may come before main.
std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance = make("sluice", Level::info);
  return instance;
}

void append_escaped(std::string& to, char c) {
  if (c == '\n') {
    to += "\\n";
  } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
    to += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  } else {
    to += c;
  }
}

}  // namespace

void start(std::string_view program, Level level) {
  logger() = make(std::string(program), level);
}

Result<Level> level_named(std::string_view name) {
  if (name == "debug") return Level::debug;
  if (name == "info") return Level::info;
  if (name == "warning") return Level::warning;
  if (name == "error") return Level::error;
  return fail(Code::invalid,
              fmt::format("log level \"{}\" is none of debug, info, warning, error", name));
}

bool enabled(Level level) {
  return logger()->should_log(to_spdlog(level));
}

void write(Level level, std::string_view text) {
  std::string line;
  line.reserve(text.size());
  for (const char c : text) append_escaped(line, c);
  logger()->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

std::string quoted(std::string_view value) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@+-";
  if (!value.empty() && value.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(value);
  }
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    append_escaped(text, c);
  }
  return text + '"';
}

}  // namespace sluice::log
