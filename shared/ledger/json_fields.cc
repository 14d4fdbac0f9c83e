#include "shared/ledger/json_fields.h"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <functional>
#include <limits>

namespace sluice::ledger {

namespace json = boost::json;

// Boost.JSON's parser tells it what it meets. Only what is directly in the outermost object counts.
struct JsonFields::Handler {
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = max_object_size;
  static constexpr std::size_t max_key_size = max_object_size;
  static constexpr std::size_t max_string_size = max_object_size;

  using Text = json::string_view;
  using Failure = json::error_code;

  bool on_document_begin(Failure&) { return true; }
  bool on_document_end(Failure&) { return true; }
  bool on_object_begin(Failure&) {
    if (depth == 0) is_object = true;
    return open();
  }
  bool on_object_end(std::size_t, Failure&) { return close(); }
  bool on_array_begin(Failure&) { return open(); }
  bool on_array_end(std::size_t, Failure&) { return close(); }

  bool on_key_part(Text text, std::size_t, Failure&) { return part(text); }
  bool on_key(Text text, std::size_t, Failure&) {
    const std::string_view name = whole(text);
    if (depth == 1) into.fields_.push_back({.name = name});
    return true;
  }
  bool on_string_part(Text text, std::size_t, Failure&) { return part(text); }
  bool on_string(Text text, std::size_t, Failure&) {
    const std::string_view value = whole(text);
    if (JsonField* field = here()) {
      field->kind = JsonField::Kind::text;
      field->text = value;
    }
    return true;
  }

  bool on_number_part(Text, Failure&) { return true; }
  bool on_int64(std::int64_t number, Text, Failure&) {
    return scalar(JsonField::Kind::number, number);
  }
  bool on_uint64(std::uint64_t, Text, Failure&) { return scalar(JsonField::Kind::large_number, 0); }
  bool on_double(double, Text, Failure&) { return scalar(JsonField::Kind::other, 0); }
  bool on_bool(bool value, Failure&) { return scalar(JsonField::Kind::boolean, value ? 1 : 0); }
  bool on_null(Failure&) { return true; }
  bool on_comment_part(Text, Failure&) { return true; }
  bool on_comment(Text, Failure&) { return true; }

  bool open() {
    if (JsonField* field = here()) field->kind = JsonField::Kind::other;
    ++depth;
    return true;
  }
  bool close() {
    --depth;
    return true;
  }
  bool scalar(JsonField::Kind kind, std::int64_t number) {
    if (JsonField* field = here()) {
      field->kind = kind;
      field->number = number;
    }
    return true;
  }
  // The field whose value comes now; null within a value.
  JsonField* here() { return depth == 1 && !into.fields_.empty() ? &into.fields_.back() : nullptr; }

  bool part(Text text) {
    parts.append(text.data(), text.size());
    return true;
  }
  // A text without escapes lies in the input as it is; any other comes in the parser's own memory.
  std::string_view whole(Text text) {
    const std::less<const char*> before;
    const bool in_input = !before(text.data(), input.data()) &&
                          !before(input.data() + input.size(), text.data() + text.size());
    if (parts.empty() && in_input) return {text.data(), text.size()};
    parts.append(text.data(), text.size());
    into.unescaped_.push_back(std::move(parts));
    parts.clear();
    return into.unescaped_.back();
  }

  JsonFields& into;
  const std::string_view input;
  std::size_t depth = 0;
  bool is_object = false;
  std::string parts = {};
};

Result<void> JsonFields::parse(ByteView text) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::basic_parser<Handler> parser(options, Handler{.into = *this, .input = text});
  json::error_code error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (!error && read < text.size()) error = json::error::extra_data;
  if (error) return fail(Code::corrupt, fmt::format("the event is not JSON: {}", error.message()));
  if (!parser.handler().is_object) return fail(Code::corrupt, "the event is not a JSON object");
  return {};
}

const JsonField* JsonFields::find(std::string_view name) const {
  for (auto field = fields_.rbegin(); field != fields_.rend(); ++field) {
    if (field->name == name) return &*field;
  }
  return nullptr;
}

}  // namespace sluice::ledger
