#include "shared/http/problem.h"

#include <fmt/format.h>

#include <iterator>

namespace sluice::http {

namespace {

// The length of the UTF-8 sequence at the front of `text`; 0 if there is none.
std::size_t utf8_length(ByteView text) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  std::size_t length = 0;
  unsigned second_min = 0x80;
  unsigned second_max = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    if (lead == 0xe0) second_min = 0xa0;  // no overlong form
    if (lead == 0xed) second_max = 0x9f;  // no surrogate
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    if (lead == 0xf0) second_min = 0x90;
    if (lead == 0xf4) second_max = 0x8f;
  }
  if (length == 0 || text.size() < length) return 0;
  if (byte(1) < second_min || byte(1) > second_max) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  }
  return length;
}

}  // namespace

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
