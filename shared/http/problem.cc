#include "shared/http/problem.h"

#include <fmt/format.h>

#include <iterator>

#include "shared/base/utf8.h"

namespace sluice::http {

void append_json_string(Buffer& to, ByteView text) {
  to += '"';
  while (!text.empty()) {
    const char c = text.front();
    std::size_t taken = 1;
    if (c == '"' || c == '\\') {
      to += '\\';
      to += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(to), "\\u{:04x}", static_cast<unsigned>(c));
    } else if (static_cast<unsigned char>(c) < 0x80) {
      to += c;
    } else if (const auto length = utf8_length(text)) {
      to.append(text.substr(0, length));
      taken = length;
    } else {
      to += '?';
    }
    text.remove_prefix(taken);
  }
  to += '"';
}

Problem::Problem(int status, std::string_view code, std::string_view title, std::string_view type)
    : status_(status), json_("{\"type\":") {
  append_json_string(json_, type);
  member("title", title.empty() ? reason_phrase(status) : title);
  member("status", std::int64_t{status});
  member("code", code);
}

Problem& Problem::member(std::string_view name, std::string_view text) {
  json_ += ',';
  append_json_string(json_, name);
  json_ += ':';
  append_json_string(json_, text);
  return *this;
}

Problem& Problem::member(std::string_view name, std::int64_t number) {
  json_ += ',';
  append_json_string(json_, name);
  fmt::format_to(std::back_inserter(json_), ":{}", number);
  return *this;
}

Problem& Problem::member(std::string_view name, bool yes) {
  json_ += ',';
  append_json_string(json_, name);
  json_ += yes ? ":true" : ":false";
  return *this;
}

Response Problem::response() const {
  return Response(status_, "application/problem+json", json_ + "}");
}

}  // namespace sluice::http
