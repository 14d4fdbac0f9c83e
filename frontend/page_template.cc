#include "frontend/page_template.h"

#include <boost/json.hpp>

#include <algorithm>
#include <utility>

#include "shared/base/check.h"

namespace sluice::frontend {

void append_html_text(Buffer& to, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        to += "&amp;";
        break;
      case '<':
        to += "&lt;";
        break;
      case '>':
        to += "&gt;";
        break;
      case '"':
        to += "&quot;";
        break;
      case '\'':
        to += "&#39;";
        break;
      default:
        to += c;
    }
  }
}

PageTexts::PageTexts(std::string_view json) {
  const boost::json::value parsed = boost::json::parse(json);
  for (const auto& [key, text] : parsed.as_object()) {
    texts_.emplace(std::string(key), std::string(text.as_string()));
  }
}

std::string_view PageTexts::operator[](std::string_view key) const {
  const auto found = texts_.find(key);
  CHECK(found != texts_.end());
  return found->second;
}

std::vector<std::string_view> PageTexts::keys() const {
  std::vector<std::string_view> keys;
  for (const auto& [key, text] : texts_) keys.emplace_back(key);
  return keys;
}

PageTemplate::PageTemplate(std::string_view source, const PageTexts& texts) {
  Part part;
  while (true) {
    const auto open = source.find("{{");
    part.literal += source.substr(0, open);
    if (open == std::string_view::npos) break;
    const auto close = source.find("}}", open);
    CHECK(close != std::string_view::npos);
    std::string_view place = source.substr(open + 2, close - open - 2);
    source.remove_prefix(close + 2);
    CHECK(!place.empty());
    if (place.front() == ':') {
      append_html_text(part.literal, texts[place.substr(1)]);
      continue;
    }
    part.is_html = place.front() == '&';
    if (part.is_html) place.remove_prefix(1);
    part.place = place;
    parts_.push_back(std::exchange(part, {}));
  }
  parts_.push_back(std::move(part));
}

Buffer PageTemplate::render(std::initializer_list<Value> values) const {
  Buffer page;
  for (const Part& part : parts_) {
    page += part.literal;
    if (part.place.empty()) continue;
    const auto* value = std::ranges::find(values, part.place, &Value::name);
    CHECK(value != values.end());
    if (part.is_html) {
      page += value->text;
    } else {
      append_html_text(page, value->text);
    }
  }
  return page;
}

}  // namespace sluice::frontend
