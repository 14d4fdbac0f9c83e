// The pages over HTTP: whole without JavaScript, escaped, cacheable, in two languages.

#include <doctest/doctest.h>

#include <set>

#include <fmt/format.h>
#include <zlib.h>

#include "frontend/web_files.h"
#include "tests/unit/client/deliveries.h"
#include "tests/unit/frontend/open_shop.h"

namespace sluice::frontend {

namespace {

// A shop with these sales, on a log of its own.
struct Pages {
  ShopLog log;
  Shop shop;

  explicit Pages(std::vector<ledger::Sale> sales, bool start = true)
      : shop(log, {.sales = std::move(sales)}) {
    if (start) shop.start_and_wait();
  }
};

ledger::Sale named(std::string_view id, std::string_view title) {
  ledger::Sale sale = mug();
  sale.sale = id;
  sale.title = title;
  return sale;
}

std::string asset_path(std::string_view file) {
  return fmt::format("/assets/{}/{}", web_files_version(), file);
}

// What a browser makes of a body with Content-Encoding: gzip; empty when it cannot.
std::string unpacked(std::string_view gzip) {
  constexpr int kGzip = 16;  // added to the window's bits: expects gzip's head and checksum
  std::string text(1 << 20, '\0');
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, kGzip + MAX_WBITS) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  const int result = inflate(&stream, Z_FINISH);
  text.resize(result == Z_STREAM_END ? stream.total_out : 0);
  inflateEnd(&stream);
  return text;
}

// The URLs under /assets/ that a page names, each once.
std::set<std::string> assets_of(const std::string& page) {
  std::set<std::string> found;
  for (auto at = page.find("/assets/"); at != page.npos; at = page.find("/assets/", at + 1)) {
    found.insert(page.substr(at, page.find('"', at) - at));
  }
  return found;
}

}  // namespace

TEST_CASE("the only sale is the home page, readable as it is") {
  ledger::Sale sale = named("mug", "A mug");
  sale.unit_price = 9900;
  sale.currency = "CNY";
  sale.ends_at = 1'700'000'040'000;
  Pages pages({sale});
  const Reply reply = pages.shop.ask("GET", "/");
  CHECK(reply.status == 200);
  CHECK(reply.header("Content-Type") == "text/html; charset=utf-8");
  CHECK(reply.header("Content-Language") == "en");
  for (const std::string_view text :
       {"<html lang=\"en\">", "<h1>A mug</h1>", "¥99.00", "id=\"figure\">10</p>", "On sale now",
        "2023-11-14 22:14 UTC", "Buy without JavaScript", "data-sale=\"mug\"",
        "data-payment=\"https://pay.example/?order={order}&amp;sum={amount}\"",
        "<title>A mug · Sluice</title>"}) {
    CAPTURE(text);
    CHECK(reply.says(text));
  }
  CHECK(pages.shop.ask("GET", "/sales/mug").body.find("<h1>A mug</h1>") != std::string::npos);
}

TEST_CASE("what a title says is text and nothing else") {
  Pages pages({named("mug", R"(<script>alert("1")</script> & 'co' {{&main}})")});
  for (const std::string_view path : {"/", "/sales/mug", "/?lang=zh"}) {
    const Reply reply = pages.shop.ask("GET", path);
    CHECK(reply.says(
        "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;co&#39; {{&amp;main}}"));
    CHECK(!reply.says("<script>"));
  }
}

TEST_CASE("several sales are a list: what can be bought first") {
  ledger::Sale later = named("later", "Later");
  later.starts_at = 1'800'000'000'000;
  ledger::Sale over = named("over", "Over");
  over.ends_at = 1'600'000'000'000;
  ledger::Sale draft = named("draft", "Draft");
  draft.draft = true;
  Pages pages({over, later, draft, named("now", "Now")});
  const Reply reply = pages.shop.ask("GET", "/");
  CHECK(reply.status == 200);
  const auto at = [&](std::string_view text) { return reply.body.find(text); };
  REQUIRE(at("href=\"/sales/over\"") != std::string::npos);
  CHECK(at("href=\"/sales/now\"") < at("href=\"/sales/later\""));
  CHECK(at("href=\"/sales/later\"") < at("href=\"/sales/over\""));
  CHECK(!reply.says("Draft"));
  CHECK(reply.says("Opens 2027-01-15 08:00 UTC"));
  CHECK(pages.shop.ask("GET", "/sales/draft").status == 404);
}

TEST_CASE("without a sale the home page says so") {
  Pages pages({});
  const Reply reply = pages.shop.ask("GET", "/");
  CHECK(reply.status == 200);
  CHECK(reply.says("There is no sale at the moment"));
}

TEST_CASE("each stage has its words") {
  ledger::Sale later = named("later", "Later");
  later.starts_at = 1'800'000'000'000;
  ledger::Sale empty = named("empty", "Empty");
  empty.stock = 0;
  ledger::Sale paused = named("paused", "Paused");
  paused.paused = true;
  ledger::Sale over = named("over", "Over");
  over.closed = true;
  Pages pages({later, empty, paused, over});
  const auto check = [&](std::string_view id, std::string_view state, std::string_view words) {
    const Reply reply = pages.shop.ask("GET", fmt::format("/sales/{}", id));
    CAPTURE(id);
    CHECK(reply.status == 200);
    CHECK(reply.says(fmt::format("data-state=\"{}\"", state)));
    CHECK(reply.says(words));
  };
  check("later", "scheduled", "Opening soon");
  check("empty", "sold_out", "Sold out");
  check("paused", "paused", "The seller has paused the sale");
  check("over", "closed", "This sale is over");
}

TEST_CASE("the language is the browser's until somebody chooses one") {
  Pages pages({mug()});
  const Reply chinese = pages.shop.ask("GET", "/", "Accept-Language: zh-CN,zh;q=0.9\r\n");
  CHECK(chinese.header("Content-Language") == "zh");
  CHECK(chinese.header("Vary") == "Accept-Language");
  CHECK(chinese.says("<html lang=\"zh\">"));
  CHECK(chinese.says("正在抢购"));
  CHECK(chinese.says(asset_path("zh.js")));
  CHECK(chinese.says("href=\"/?lang=en\""));
  CHECK(chinese.says("class=\"brand\" href=\"/\""));
  const Reply chosen = pages.shop.ask("GET", "/?lang=en", "Accept-Language: zh\r\n");
  CHECK(chosen.header("Content-Language") == "en");
  CHECK(chosen.says("class=\"brand\" href=\"/?lang=en\""));
  CHECK(pages.shop.ask("GET", "/?lang=xx", "Accept-Language: zh\r\n").header("Content-Language") ==
        "zh");
}

TEST_CASE("an unknown sale is a page too, whatever the path holds") {
  Pages pages({mug()});
  for (const std::string_view path : {"/sales/none", "/sales/%3Cscript%3E", "/sales/a'b\"><x>"}) {
    const Reply reply = pages.shop.ask("GET", path);
    CAPTURE(path);
    CHECK(reply.status == 404);
    CHECK(reply.header("Content-Type") == "text/html; charset=utf-8");
    CHECK(reply.says("This sale does not exist"));
    CHECK(!reply.says("\"><x>"));
  }
}

TEST_CASE("until the log is read the page says that it comes back") {
  Pages pages({mug()}, false);
  for (const std::string_view path : {"/", "/sales/mug"}) {
    const Reply reply = pages.shop.ask("GET", path);
    CHECK(reply.status == 503);
    CHECK(reply.header("Retry-After") == "2");
    CHECK(reply.header("Refresh") == "2");
    CHECK(reply.says("The shop is starting"));
  }
}

TEST_CASE("a page is its own tag: unchanged is 304, sold is another") {
  Pages pages({mug()});
  Shop& shop = pages.shop;
  const Reply first = shop.ask("GET", "/");
  CHECK(first.header("Cache-Control") == "public, max-age=1, stale-while-revalidate=5");
  const std::string asks = fmt::format("If-None-Match: {}\r\n", first.header("ETag"));
  const Reply unchanged = shop.ask("GET", "/", asks);
  CHECK(unchanged.status == 304);
  CHECK(unchanged.body.empty());
  CHECK(unchanged.header("ETag") == first.header("ETag"));
  REQUIRE(shop.order("ann").status == 202);
  CHECK(shop.ask("GET", "/", asks).status == 200);
}

TEST_CASE("nothing inline and nothing from elsewhere may run") {
  Pages pages({mug()});
  for (const std::string& path :
       {std::string("/"), std::string("/sales/none"), asset_path("sale.js")}) {
    const Reply reply = pages.shop.ask("GET", path);
    CAPTURE(path);
    CHECK(reply.header("Content-Security-Policy").starts_with("default-src 'self';"));
    CHECK(reply.header("X-Content-Type-Options") == "nosniff");
  }
  const Reply page = pages.shop.ask("GET", "/");
  CHECK(!page.says(" style="));
  CHECK(!page.says(" onclick="));
}

TEST_CASE("a file under its version never changes, under another it is asked for anew") {
  Pages pages({mug()});
  Shop& shop = pages.shop;
  const Reply script = shop.ask("GET", asset_path("sale.js"));
  CHECK(script.status == 200);
  CHECK(script.header("Content-Type") == "text/javascript; charset=utf-8");
  CHECK(script.header("Cache-Control") == "public, max-age=31536000, immutable");
  CHECK(script.body == web_file("sale.js"));
  const Reply old = shop.ask("GET", "/assets/old/sale.js");
  CHECK(old.header("Cache-Control") == "no-cache");
  CHECK(old.body == script.body);
  const Reply unchanged = shop.ask("GET", asset_path("sale.js"),
                                   fmt::format("If-None-Match: {}\r\n", script.header("ETag")));
  CHECK(unchanged.status == 304);
  CHECK(unchanged.body.empty());
  CHECK(shop.ask("GET", asset_path("page.css")).header("Content-Type") ==
        "text/css; charset=utf-8");
  CHECK(shop.ask("GET", asset_path("icon.svg")).header("Content-Type") == "image/svg+xml");
  CHECK(shop.ask("GET", asset_path("en.js")).body.starts_with("export default {"));
}

TEST_CASE("only what pages load is served") {
  Pages pages({mug()});
  for (const std::string_view file : {"sale.html", "en.json", "none.js", "..%2fpage.css"}) {
    CAPTURE(file);
    CHECK(pages.shop.ask("GET", asset_path(file)).status == 404);
  }
  CHECK(pages.shop.ask("POST", "/").status == 405);
}

TEST_CASE("HEAD is GET without the body") {
  Pages pages({mug()});
  for (const std::string& path : {std::string("/"), asset_path("page.css")}) {
    const Reply got = pages.shop.ask("GET", path);
    const Reply head = pages.shop.ask("HEAD", path);
    CHECK(head.status == 200);
    CHECK(head.header("Content-Length") == fmt::format("{}", got.body.size()));
    CHECK(head.header("ETag") == got.header("ETag"));
    CHECK(head.body.empty());
  }
}

TEST_CASE("every file that a page names is there, and small") {
  constexpr std::size_t kMostBytes = 24'000;  // of all that a first visit loads, as it travels
  Pages pages({mug(), named("cup", "A cup")});
  for (const std::string_view path : {"/", "/sales/mug", "/sales/none", "/?lang=zh"}) {
    const std::set<std::string> files = assets_of(pages.shop.ask("GET", path).body);
    CHECK(files.size() >= 2);
    std::size_t bytes = 0;
    for (const std::string& file : files) {
      const Reply reply = pages.shop.ask("GET", file, "Accept-Encoding: gzip\r\n");
      CHECK(reply.status == 200);
      bytes += reply.body.size();
    }
    CAPTURE(path);
    CHECK(bytes < kMostBytes);
  }
}

TEST_CASE("each file lies ready compressed, for those who take it") {
  Pages pages({mug()});
  Shop& shop = pages.shop;
  for (const std::string_view file : {"sale.js", "page.css", "icon.svg", "zh.js"}) {
    CAPTURE(file);
    const Reply plain = shop.ask("GET", asset_path(file));
    const Reply gzip = shop.ask("GET", asset_path(file), "Accept-Encoding: br, gzip\r\n");
    CHECK(plain.header("Content-Encoding").empty());
    CHECK(gzip.header("Content-Encoding") == "gzip");
    CHECK(gzip.body.size() < plain.body.size());
    CHECK(unpacked(gzip.body) == plain.body);
    CHECK(gzip.header("Content-Type") == plain.header("Content-Type"));
    CHECK(gzip.header("ETag") != plain.header("ETag"));
    // A cache between must know that they differ, also by what has no body.
    const std::string asks = fmt::format("If-None-Match: {}\r\n", gzip.header("ETag"));
    const Reply unchanged = shop.ask("GET", asset_path(file), asks + "Accept-Encoding: gzip\r\n");
    CHECK(unchanged.status == 304);
    for (const Reply& reply : {plain, gzip, unchanged}) {
      CHECK(reply.header("Vary") == "Accept-Encoding");
    }
    CHECK(unchanged.header("ETag") == gzip.header("ETag"));
    CHECK(shop.ask("GET", asset_path(file), asks).status == 200);
  }
}

}  // namespace sluice::frontend
