// Templates: places, escaping, texts.

#include "frontend/page_template.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "frontend/web_files.h"

namespace sluice::frontend {

TEST_CASE("a place takes a value, escaped unless it is HTML already") {
  const PageTexts texts(R"({"hello":"Say <hi> & \"bye\""})");
  const PageTemplate page("<p title=\"{{name}}\">{{:hello}}</p>{{&html}}{{name}}", texts);
  CHECK(page.render({{"name", R"(<b a="1" b='2'>&</b>)"}, {"html", "<br>"}, {"unused", "x"}}) ==
        "<p title=\"&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;&lt;/b&gt;\">"
        "Say &lt;hi&gt; &amp; &quot;bye&quot;</p><br>"
        "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;&lt;/b&gt;");
}

TEST_CASE("a value is not a template") {
  const PageTemplate page("{{a}}|{{b}}", PageTexts("{}"));
  CHECK(page.render({{"a", "{{b}}"}, {"b", "{{&a}}"}}) == "{{b}}|{{&amp;a}}");
}

TEST_CASE("text without places") {
  CHECK(PageTemplate("just } text {", PageTexts("{}")).render({}) == "just } text {");
  CHECK(PageTemplate("", PageTexts("{}")).render({}).empty());
}

TEST_CASE("both languages say the same things") {
  const PageTexts english(web_file("en.json"));
  const PageTexts chinese(web_file("zh.json"));
  CHECK(english.keys() == chinese.keys());
  // The values that a text takes, in any order.
  const auto places = [](std::string_view text) {
    std::vector<std::string> found;
    for (auto at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
      found.emplace_back(text.substr(at, text.find('}', at) - at));
    }
    std::ranges::sort(found);
    return found;
  };
  for (const auto key : english.keys()) {
    CAPTURE(key);
    CHECK(places(english[key]) == places(chinese[key]));
    CHECK(!chinese[key].empty());
  }
}

}  // namespace sluice::frontend
