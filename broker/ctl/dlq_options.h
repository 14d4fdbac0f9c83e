#pragma once
// Inside of broker/ctl's .cc files only: the options that say which dead letters are meant.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <utility>

#include "broker/ctl/dead_letter.h"
#include "shared/base/clock.h"
#include "shared/config/text.h"

namespace sluice::ctl {

struct FilterArguments {
  std::optional<std::string> code;
  std::optional<std::string> key;
  std::string from;
  std::string to;
  std::int32_t partition = -1;  // -1: all
};

// `arguments` outlives the parsing.
inline void add_filter_options(CLI::App& command, FilterArguments& arguments) {
  command.add_option("-e,--error", arguments.code, "Only with this error code")->type_name("CODE");
  command.add_option("-k,--key", arguments.key, "Only with this key")->type_name("TEXT");
  command
      .add_option("--from", arguments.from, "Only since then: @UNIX_MS, or how long ago, as 90m")
      ->type_name("WHEN");
  command.add_option("--to", arguments.to, "Only before then")->type_name("WHEN");
  command.add_option("-p,--partition", arguments.partition, "Else all")
      ->check(CLI::Range(0, 1'000'000))
      ->type_name("N")
      ->default_str("");
}

// What --from or --to say, in Unix ms.
inline Result<std::int64_t> time_of(std::string_view option, const std::string& text,
                                    std::int64_t now_ms) {
  if (const auto ago = config::parse_duration(text)) return now_ms - ago->count();
  const auto at = text.starts_with('@') ? config::parse_integer(std::string_view(text).substr(1))
                                        : std::nullopt;
  if (at && *at >= 0) return *at;
  return fail(
      Code::invalid,
      fmt::format("{} \"{}\" is neither @UNIX_MS nor a time ago such as 90m or 2d", option, text));
}

inline Result<LetterFilter> filter_of(const FilterArguments& arguments) {
  LetterFilter filter{.code = arguments.code, .key = arguments.key};
  const std::int64_t now_ms = SystemClock().wall().unix_millis;
  if (!arguments.from.empty()) {
    TRY(from, time_of("--from", arguments.from, now_ms));
    filter.from_ms = from;
  }
  if (!arguments.to.empty()) {
    TRY(to, time_of("--to", arguments.to, now_ms));
    filter.to_ms = to;
  }
  return filter;
}

inline CLI::Option* add_limit_option(CLI::App& command, std::int64_t& limit) {
  return command.add_option("-n,--limit", limit, "Stop after so many letters")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}))
      ->type_name("N");
}

}  // namespace sluice::ctl
