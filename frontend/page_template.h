#pragma once
// PageTemplate: HTML with places for values. {{name}} takes a value and escapes it, {{&name}} takes
// one that is HTML already, {{:key}} is a text in the template's language. Parsed once, then
// immutable: any thread may render. Pure.

#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/bytes.h"

namespace sluice::frontend {

// Appends `text` so that it is text in HTML, between tags or in a quoted attribute.
void append_html_text(Buffer& to, std::string_view text);

// What a page says, by key, in one language.
class PageTexts {
 public:
  // REQUIRES: a JSON object of strings; ours, so that anything else is a fault of the build.
  explicit PageTexts(std::string_view json);

  // REQUIRES: the key is there.
  std::string_view operator[](std::string_view key) const;
  std::vector<std::string_view> keys() const;  // sorted

 private:
  std::map<std::string, std::string, std::less<>> texts_;
};

class PageTemplate {
 public:
  struct Value {
    std::string_view name;
    std::string_view text;
  };

  // REQUIRES: every place is closed, every text is there. Keeps no reference.
  PageTemplate(std::string_view source, const PageTexts& texts);

  // REQUIRES: a value for every place. Values that no place asks for are left out.
  Buffer render(std::initializer_list<Value> values) const;

 private:
  struct Part {
    std::string literal;  // comes before the place
    std::string place;    // empty: none
    bool is_html = false;
  };

  std::vector<Part> parts_;
};

}  // namespace sluice::frontend
