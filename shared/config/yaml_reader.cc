// Reading a YAML file into the options: the only code that sees yaml-cpp.

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <set>

#include "shared/config/schema.h"

namespace sluice::config {
namespace {

// A position as editors understand it; yaml-cpp counts lines from 0.
std::string at(const std::string& where, const YAML::Mark& mark) {
  return mark.is_null() ? where : fmt::format("{}:{}", where, mark.line + 1);
}

std::unexpected<Error> invalid(const std::string& where, const YAML::Node& node,
                               const std::string& what) {
  return fail(Code::invalid, fmt::format("{}: {}", at(where, node.Mark()), what));
}

// What stands in the file, short enough for one line.
std::string shown(const YAML::Node& node) {
  if (node.IsMap()) return "an object";
  if (node.IsSequence()) return "a list";
  if (node.IsNull()) return "nothing";
  return fmt::format("\"{}\"", node.Scalar());
}

}  // namespace

Result<void> Schema::load(const std::string& path) {
  try {
    return read_map(YAML::LoadFile(path), path);
  } catch (const YAML::BadFile&) {
    return fail(Code::not_found, fmt::format("{}: the file cannot be read", path));
  } catch (const YAML::Exception& e) {
    return fail(Code::invalid, fmt::format("{}: {}", at(path, e.mark), e.msg));
  }
}

Result<void> Schema::load_text(const std::string& yaml, const std::string& name) {
  try {
    return read_map(YAML::Load(yaml), name);
  } catch (const YAML::Exception& e) {
    return fail(Code::invalid, fmt::format("{}: {}", at(name, e.mark), e.msg));
  }
}

Result<void> Schema::read_map(const YAML::Node& map, const std::string& where) {
  if (map.IsNull()) return {};
  if (!map.IsMap()) {
    return invalid(where, map, fmt::format("found {}, expected lines of NAME: VALUE", shown(map)));
  }
  std::set<std::string> seen;
  for (const auto& entry : map) {
    const YAML::Node& key = entry.first;
    const YAML::Node& value = entry.second;
    if (!key.IsScalar()) return invalid(where, key, "an option's name must be plain text");
    const std::string& name = key.Scalar();
    Option* option = find(name);
    if (!option) return invalid(where, key, unknown(name));
    if (!seen.insert(name).second) {
      return invalid(where, key, fmt::format("{} is given twice", name));
    }
    if (value.IsNull()) {  // its mark is on the line where the next thing stands
      return invalid(where, key,
                     fmt::format("{} is nothing, expected {}", name, option->expected()));
    }
    TRY_VOID(read_option(*option, value, where));
  }
  for (const auto& option : options_) {
    if (option->required_ && !seen.contains(option->name_)) {
      return invalid(where, map, fmt::format("{} is missing", option->name_));
    }
  }
  return {};
}

Result<void> Schema::read_option(Option& option, const YAML::Node& value,
                                 const std::string& where) {
  if (std::holds_alternative<Option::Items>(option.target_)) {
    return read_items(option, value, where);
  }
  const auto wrong = [&](const YAML::Node& node) {
    return invalid(
        where, node,
        fmt::format("{} is {}, expected {}", option.name_, shown(node), option.expected()));
  };
  Result<void> done;
  if (std::holds_alternative<std::vector<std::string>*>(option.target_)) {
    if (!value.IsSequence()) return wrong(value);
    std::vector<std::string> texts;
    for (const auto& element : value) {
      if (!element.IsScalar()) return wrong(element);
      texts.push_back(element.Scalar());
    }
    done = option.set_list(std::move(texts));
  } else {
    if (!value.IsScalar()) return wrong(value);
    done = option.set_text(value.Scalar());
  }
  if (!done) return invalid(where, value, done.error().context);
  return {};
}

Result<void> Schema::read_items(Option& option, const YAML::Node& value, const std::string& where) {
  if (!value.IsSequence()) {
    return invalid(
        where, value,
        fmt::format("{} is {}, expected {}", option.name_, shown(value), option.expected()));
  }
  auto& items = std::get<Option::Items>(option.target_);
  items.clear();
  for (const auto& element : value) {
    if (!element.IsMap()) {
      return invalid(
          where, element,
          fmt::format("an item of {} is {}, expected an object", option.name_, shown(element)));
    }
    // The item's schema points at the newest element only until the next one is appended.
    Schema item = items.append();
    TRY_VOID(item.read_map(element, where));
    if (const auto kept = item.check(); !kept) {
      return invalid(where, element, kept.error().context);
    }
  }
  return {};
}

}  // namespace sluice::config
