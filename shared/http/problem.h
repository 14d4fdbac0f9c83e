#pragma once
// Problem: an error as RFC 9457 application/problem+json. Always {type, title, status, code}, plus
// detail and further members.

#include <cstdint>
#include <string_view>

#include "shared/base/bytes.h"
#include "shared/http/response.h"

namespace sluice::http {

// Appends `text` as a JSON string with its quotes. What is not UTF-8 becomes '?'.
void append_json_string(Buffer& to, ByteView text);

class Problem {
 public:
  // `code`: the stable word that programs compare ("sold-out"). `type` is a URI; about:blank says
  // that the title is just the status' own phrase, which an empty title gives too.
  Problem(int status, std::string_view code, std::string_view title = {},
          std::string_view type = "about:blank");

  // One sentence about this occurrence.
  Problem& detail(std::string_view text) { return member("detail", text); }

  Problem& member(std::string_view name, std::string_view text);
  Problem& member(std::string_view name, const char* text) {
    return member(name, std::string_view(text));
  }
  Problem& member(std::string_view name, std::int64_t number);
  Problem& member(std::string_view name, bool yes);

  Response response() const;

 private:
  int status_;
  Buffer json_;  // an object that is still open
};

}  // namespace sluice::http
