#include "shared/config/schema.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "shared/base/check.h"
#include "shared/config/text.h"

namespace sluice::config {
namespace {

constexpr std::size_t kColumns = 98;

std::string list_text(const std::vector<std::string>& values) {
  std::vector<std::string> scalars;
  for (const std::string& value : values) scalars.push_back(scalar_text(value));
  return fmt::format("[{}]", fmt::join(scalars, ", "));
}

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto part = text.substr(0, text.find(','));
    parts.emplace_back(part);
    text.remove_prefix(std::min(text.size(), part.size() + 1));
  }
  return parts;
}

}  // namespace

Option::Option(std::string name, std::string unit, std::string why, Target target,
               std::string default_text)
    : name_(std::move(name)),
      unit_(std::move(unit)),
      why_(std::move(why)),
      target_(std::move(target)),
      default_text_(std::move(default_text)) {}

Option& Option::between(std::int64_t min, std::int64_t max) {
  CHECK(min <= max);
  min_ = std::max(min_, min);
  max_ = std::min(max_, max);
  limited_ = true;
  return *this;
}

Option& Option::one_of(std::vector<std::string> words) {
  words_ = std::move(words);
  return *this;
}

Option& Option::required() {
  required_ = true;
  return *this;
}

std::string Option::number_text(std::int64_t value) const {
  if (std::holds_alternative<Millis*>(target_)) return duration_text(Millis(value));
  if (std::holds_alternative<ByteSize*>(target_)) return size_text({value});
  return std::to_string(value);
}

std::string Option::limits_text() const {
  if (!words_.empty()) return fmt::format("one of {}", fmt::join(words_, ", "));
  if (limited_) return fmt::format("{} to {}", number_text(min_), number_text(max_));
  return {};
}

std::string Option::expected() const {
  struct Visitor {
    const Option& option;
    std::string operator()(std::string*) const { return fmt::format("text ({})", option.unit_); }
    std::string operator()(bool*) const { return "true or false"; }
    std::string operator()(Millis*) const { return "a duration such as 500ms, 2s or 5m"; }
    std::string operator()(ByteSize*) const { return "a size such as 65536, 64KiB or 1MiB"; }
    std::string operator()(std::vector<std::string>*) const {
      return fmt::format("a list of texts ({})", option.unit_);
    }
    std::string operator()(const Integer&) const {
      return fmt::format("a whole number ({})", option.unit_);
    }
    std::string operator()(const Items&) const {
      return fmt::format("a list of objects ({})", option.unit_);
    }
  };
  const std::string limits = limits_text();
  if (!words_.empty()) return limits;
  const std::string type = std::visit(Visitor{*this}, target_);
  return limits.empty() ? type : fmt::format("{}, {}", type, limits);
}

Result<void> Option::wrong(std::string_view text) const {
  return fail(Code::invalid, fmt::format("{} is \"{}\", expected {}", name_, text, expected()));
}

Result<void> Option::in_range(std::int64_t value, std::string_view text) const {
  if (value < min_) {
    return fail(Code::invalid,
                fmt::format("{} is {}, below its least value {}", name_, text, number_text(min_)));
  }
  if (value > max_) {
    return fail(Code::invalid, fmt::format("{} is {}, above its greatest value {}", name_, text,
                                           number_text(max_)));
  }
  return {};
}

Result<void> Option::set_text(std::string_view text) {
  if (auto* target = std::get_if<std::string*>(&target_)) {
    if (!words_.empty() && std::find(words_.begin(), words_.end(), text) == words_.end()) {
      return wrong(text);
    }
    **target = text;
  } else if (auto* flag = std::get_if<bool*>(&target_)) {
    const auto value = parse_bool(text);
    if (!value) return wrong(text);
    **flag = *value;
  } else if (auto* duration = std::get_if<Millis*>(&target_)) {
    const auto value = parse_duration(text);
    if (!value) return wrong(text);
    TRY_VOID(in_range(value->count(), text));
    **duration = *value;
  } else if (auto* size = std::get_if<ByteSize*>(&target_)) {
    const auto value = parse_size(text);
    if (!value) return wrong(text);
    TRY_VOID(in_range(value->bytes, text));
    **size = *value;
  } else if (auto* integer = std::get_if<Integer>(&target_)) {
    const auto value = parse_integer(text);
    if (!value) return wrong(text);
    TRY_VOID(in_range(*value, text));
    integer->store(*value);
  } else {
    return wrong(text);
  }
  return {};
}

Result<void> Option::set_list(std::vector<std::string> values) {
  auto* list = std::get_if<std::vector<std::string>*>(&target_);
  if (!list) return wrong(list_text(values));
  **list = std::move(values);
  return {};
}

Schema::Schema(std::string program, std::string summary)
    : program_(std::move(program)), summary_(std::move(summary)) {}

Option& Schema::append(std::string name, std::string unit, std::string why, Option::Target target,
                       std::string default_text) {
  CHECK(!find(name));
  options_.push_back(
      std::unique_ptr<Option>(new Option(std::move(name), std::move(unit), std::move(why),
                                         std::move(target), std::move(default_text))));
  return *options_.back();
}

Option& Schema::add(std::string name, std::string& target, std::string unit, std::string why) {
  return append(std::move(name), std::move(unit), std::move(why), &target, scalar_text(target));
}

Option& Schema::add(std::string name, bool& target, std::string why) {
  return append(std::move(name), "true or false", std::move(why), &target,
                target ? "true" : "false");
}

Option& Schema::add(std::string name, Millis& target, std::string why) {
  return append(std::move(name), "duration", std::move(why), &target, duration_text(target));
}

Option& Schema::add(std::string name, ByteSize& target, std::string why) {
  return append(std::move(name), "size", std::move(why), &target, size_text(target));
}

Option& Schema::add(std::string name, std::vector<std::string>& target, std::string unit,
                    std::string why) {
  return append(std::move(name), std::move(unit), std::move(why), &target, list_text(target));
}

Option& Schema::add_integer(std::string name, std::string unit, std::string why,
                            std::function<void(std::int64_t)> store, std::string default_text,
                            std::int64_t min, std::int64_t max) {
  Option& option = append(std::move(name), std::move(unit), std::move(why),
                          Option::Integer{std::move(store)}, std::move(default_text));
  option.min_ = min;
  option.max_ = max;
  return option;
}

Option& Schema::add_items(std::string name, std::string unit, std::string why,
                          Option::Items items) {
  return append(std::move(name), std::move(unit), std::move(why), std::move(items), "[]");
}

void Schema::add_rule(std::function<Result<void>()> rule) {
  rules_.push_back(std::move(rule));
}

Option* Schema::find(std::string_view name) const {
  for (const auto& option : options_) {
    if (option->name_ == name) return option.get();
  }
  return nullptr;
}

std::string Schema::unknown(std::string_view name) const {
  std::vector<std::string> known;
  for (const auto& option : options_) known.push_back(option->name_);
  const auto nearest = nearest_name(name, known);
  if (nearest) return fmt::format("unknown option \"{}\"; did you mean \"{}\"?", name, *nearest);
  return fmt::format("unknown option \"{}\"; known are {}", name, fmt::join(known, ", "));
}

Result<void> Schema::set(std::string_view assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string_view::npos) {
    return fail(Code::invalid, fmt::format("--set {}: expected NAME=VALUE", assignment));
  }
  const auto name = assignment.substr(0, equals);
  const auto value = assignment.substr(equals + 1);
  Option* option = find(name);
  if (!option) return fail(Code::invalid, fmt::format("--set {}: {}", assignment, unknown(name)));
  const bool list = std::holds_alternative<std::vector<std::string>*>(option->target_);
  const auto done = list ? option->set_list(split_at_commas(value)) : option->set_text(value);
  if (!done) {
    return fail(Code::invalid, fmt::format("--set {}: {}", assignment, done.error().context));
  }
  return {};
}

Result<void> Schema::check() const {
  for (const auto& rule : rules_) TRY_VOID(rule());
  return {};
}

std::string Schema::help() const {
  std::string text;
  for (const auto& option : options_) {
    const std::string limits = option->limits_text();
    text += fmt::format("  {} ({}{}{}; default {})\n", option->name_, option->unit_,
                        limits.empty() ? "" : ", ", limits, option->default_text_);
    text += wrapped(option->why_, "      ", kColumns);
  }
  return text;
}

std::string Schema::sample() const {
  std::string text = wrapped(fmt::format("{}: {}.", program_, summary_), "# ", kColumns);
  text += "# Every option is shown at its default; remove the # in front of one to change it.\n";
  for (const auto& option : options_) {
    const std::string limits = option->limits_text();
    text += '\n' + wrapped(option->why_, "# ", kColumns);
    text += fmt::format("# ({}{}{})\n", option->unit_, limits.empty() ? "" : ", ", limits);
    if (std::holds_alternative<Option::Items>(option->target_)) {
      sample_items(*option, text);
    } else {
      text += fmt::format("#{}: {}\n", option->name_, option->default_text_);
    }
  }
  return text;
}

void Schema::sample_items(const Option& option, std::string& to) const {
  to += fmt::format("#{}:\n", option.name_);
  bool first = true;
  for (const auto& field : std::get<Option::Items>(option.target_).example().options_) {
    const std::string limits = field->limits_text();
    to +=
        wrapped(fmt::format("{} ({}{}{}{})", field->why_, field->unit_, limits.empty() ? "" : ", ",
                            limits, field->required_ ? ", required" : ""),
                "#     # ", kColumns);
    to += fmt::format("#  {} {}: {}\n", first ? "-" : " ", field->name_, field->default_text_);
    first = false;
  }
}

}  // namespace sluice::config
