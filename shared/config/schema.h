#pragma once
// The options of a program, each declared once: name, unit, default, why. From that one declaration
// come reading the YAML file, --set on the command line, the help text and the sample file.
//
//   config::Schema schema("sluice-broker", "A message queue that speaks Kafka's protocol");
//   schema.add("listen", options.listen, "host:port", "Where clients connect; port 0 takes any");
//   schema.add("backlog", options.backlog, "connections", "…").between(1, 4096);
//   TRY_VOID(schema.load("conf/broker.yaml"));

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/config/byte_size.h"

namespace YAML {
class Node;
}

namespace sluice::config {

class Schema;

// One declared option. Its target lives in the program's options struct, which outlives the schema;
// the target's value at the declaration is the default.
class Option {
 public:
  // Limits of a number; milliseconds for a duration, bytes for a size. Both ends are allowed.
  Option& between(std::int64_t min, std::int64_t max);
  // The only words that a string may be.
  Option& one_of(std::vector<std::string> words);
  // The file must give it (for the fields of list items; an option with a default needs no file).
  Option& required();

 private:
  friend class Schema;
  struct Integer {
    std::function<void(std::int64_t)> store;
  };
  // A list of objects: each item of the file becomes a new element, read by its own schema.
  struct Items {
    std::function<void()> clear;
    std::function<Schema()> append;
    std::function<Schema()> example;
  };
  using Target = std::variant<std::string*, bool*, Millis*, ByteSize*, std::vector<std::string>*,
                              Integer, Items>;

  Option(std::string name, std::string unit, std::string why, Target target,
         std::string default_text);

  Result<void> set_text(std::string_view text);
  Result<void> set_list(std::vector<std::string> values);
  Result<void> in_range(std::int64_t value, std::string_view text) const;
  Result<void> wrong(std::string_view text) const;
  std::string expected() const;
  std::string limits_text() const;
  std::string number_text(std::int64_t value) const;

  std::string name_;
  std::string unit_;
  std::string why_;
  Target target_;
  std::string default_text_;
  std::int64_t min_ = std::numeric_limits<std::int64_t>::min();
  std::int64_t max_ = std::numeric_limits<std::int64_t>::max();
  std::vector<std::string> words_;
  bool limited_ = false;
  bool required_ = false;
};

// Used by one thread, at start. Errors are Code::invalid (Code::not_found for a file that is not
// there) and begin with file:line or with the --set text.
class Schema {
 public:
  explicit Schema(std::string program = "", std::string summary = "");

  Option& add(std::string name, std::string& target, std::string unit, std::string why);
  Option& add(std::string name, bool& target, std::string why);
  Option& add(std::string name, Millis& target, std::string why);
  Option& add(std::string name, ByteSize& target, std::string why);
  Option& add(std::string name, std::vector<std::string>& target, std::string unit,
              std::string why);

  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Option& add(std::string name, T& target, std::string unit, std::string why) {
    auto store = [&target](std::int64_t value) { target = static_cast<T>(value); };
    return add_integer(std::move(name), std::move(unit), std::move(why), store,
                       std::to_string(target),
                       static_cast<std::int64_t>(std::numeric_limits<T>::min()), upper_limit<T>());
  }

  // A list of objects. `describe(schema, item)` declares the fields of one item; `example` is what
  // the sample file shows. Not settable by --set. REQUIRES: nobody else resizes `target`.
  template <class T>
  Option& add_list(std::string name, std::vector<T>& target, std::string unit, std::string why,
                   void (*describe)(Schema&, T&), T example = {}) {
    auto shown = std::make_shared<T>(std::move(example));
    auto schema_of = [describe](T& item) {
      Schema schema;
      describe(schema, item);
      return schema;
    };
    return add_items(std::move(name), std::move(unit), std::move(why),
                     {[&target] { target.clear(); },
                      [&target, schema_of] { return schema_of(target.emplace_back()); },
                      [shown, schema_of] { return schema_of(*shown); }});
  }

  // A rule over several options ("min must not exceed max"), looked at by check().
  void add_rule(std::function<Result<void>()> rule);

  // Reads the YAML file; options that it does not name keep their value.
  Result<void> load(const std::string& path);
  // The same from text; `name` stands in errors where the path would.
  Result<void> load_text(const std::string& yaml, const std::string& name);
  // One "name=value"; the elements of a list are separated by commas.
  Result<void> set(std::string_view assignment);
  // The rules. Call after the last load and set.
  Result<void> check() const;

  const std::string& program() const { return program_; }
  const std::string& summary() const { return summary_; }
  // Every option with its unit, limits, default and why.
  std::string help() const;
  // A YAML file with every option commented out at its default. "# " starts a remark, "#" an
  // option.
  std::string sample() const;

 private:
  template <class T>
  static constexpr std::int64_t upper_limit() {
    constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
    if constexpr (std::numeric_limits<T>::digits >= 63)
      return kMax;
    else
      return static_cast<std::int64_t>(std::numeric_limits<T>::max());
  }

  Option& add_integer(std::string name, std::string unit, std::string why,
                      std::function<void(std::int64_t)> store, std::string default_text,
                      std::int64_t min, std::int64_t max);
  Option& add_items(std::string name, std::string unit, std::string why, Option::Items items);
  Option& append(std::string name, std::string unit, std::string why, Option::Target target,
                 std::string default_text);
  Option* find(std::string_view name) const;
  std::string unknown(std::string_view name) const;

  // `where` is the file's name; the line is added.
  Result<void> read_map(const YAML::Node& map, const std::string& where);
  Result<void> read_option(Option& option, const YAML::Node& value, const std::string& where);
  static Result<void> read_items(Option& option, const YAML::Node& value, const std::string& where);
  void sample_items(const Option& option, std::string& to) const;

  std::string program_;
  std::string summary_;
  std::vector<std::unique_ptr<Option>> options_;
  std::vector<std::function<Result<void>()>> rules_;
};

}  // namespace sluice::config
