// Buying without JavaScript: the pages of one visitor, and the forms on them.

#include <doctest/doctest.h>

#include <map>
#include <string>

#include <fmt/format.h>

#include "tests/unit/frontend/jwt_signer.h"
#include "tests/unit/frontend/open_shop.h"

namespace sluice::frontend {

using client::eventually;

namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;
constexpr const char* kForm = "Content-Type: application/x-www-form-urlencoded\r\n";

struct RoomLog : ShopLog {
  RoomLog() { create_topic("seckill.waiting", 1); }
};

// A browser: it keeps one cookie of each name, and says of its forms whose page they are of.
class Browser {
 public:
  explicit Browser(Shop& shop) : shop_(shop) {}

  Reply get(std::string_view path) { return keep(shop_.ask("GET", path, cookies())); }
  Reply post(std::string_view path, std::string_view form) {
    return keep(shop_.ask("POST", path, cookies() + kForm + "Origin: http://shop\r\n", form));
  }
  // Sends the page's form for one unit.
  Reply buy(const Reply& page, int quantity = 1) {
    return post("/sales/mug/buy", fmt::format("slot={}&token={}&quantity={}", value(page, "slot"),
                                              value(page, "token"), quantity));
  }
  void call_oneself(std::string_view name) {
    const auto reply = post("/sales/mug/buyer", fmt::format("buyer={}", name));
    REQUIRE(reply.status == 303);
    REQUIRE(reply.header("Location") == "/sales/mug/buy");
  }
  void has(const std::string& cookie) { cookies_[cookie.substr(0, cookie.find('='))] = cookie; }

 private:
  std::string cookies() const {
    std::string line;
    for (const auto& [name, cookie] : cookies_) line += (line.empty() ? "" : "; ") + cookie;
    return line.empty() ? "" : fmt::format("Cookie: {}\r\n", line);
  }
  Reply keep(Reply reply) {
    const std::string given = reply.header("Set-Cookie");
    if (!given.empty()) has(given.substr(0, given.find(';')));
    return reply;
  }
  static std::string value(const Reply& page, std::string_view field) {
    const std::string before = fmt::format(R"(name="{}" value=")", field);
    const auto at = page.body.find(before);
    if (at == page.body.npos) return "";
    const auto begin = at + before.size();
    return page.body.substr(begin, page.body.find('"', begin) - begin);
  }

  Shop& shop_;
  std::map<std::string, std::string> cookies_;
};

Shop::Options selling(const ledger::Sale& sale) {
  Shop::Options options;
  options.sales = {sale};
  return options;
}

constexpr const char* kButton = "id=\"buy-button\"";
constexpr const char* kRefresh = "http-equiv=\"refresh\"";

}  // namespace

TEST_CASE("from a name to an order, and back") {
  Open open;
  Browser browser(open.shop);
  const auto stranger = browser.get("/sales/mug/buy");
  CHECK(stranger.status == 200);
  CHECK(stranger.header("Cache-Control") == "private, no-store");
  CHECK(stranger.says("name=\"buyer\""));
  CHECK(!stranger.says(kButton));
  CHECK(!stranger.says("<script"));
  browser.call_oneself("J%C3%B6rg+%3C1%3E");
  const auto page = browser.get("/sales/mug/buy");
  CHECK(page.says(kButton));
  CHECK(page.says("<b id=\"buyer-name\">J\xc3\xb6rg &lt;1&gt;</b>"));
  CHECK(!page.says(kRefresh));  // it would take away what he fills in
  const auto bought = browser.buy(page);
  CHECK(bought.status == 303);
  const std::string target = "/orders/" + order_of("J\xc3\xb6rg <1>");
  CHECK(bought.header("Location") == target);
  CHECK(open.shop.available() == 9);
  // The same page sent twice is one order.
  CHECK(browser.buy(page).header("Location") == target);
  CHECK(open.shop.available() == 9);
  wait_read_back(open.shop);
  const auto order = browser.get(target);
  CHECK(order.status == 200);
  CHECK(order.says("data-state=\"queued\""));
  CHECK(order.says(fmt::format("<meta http-equiv=\"refresh\" content=\"2; url={}\">", target)));
  CHECK(order.says("Cancel order"));
  CHECK(browser.get("/sales/mug/buy").says("Buy another"));
  const auto cancelled = browser.post(target + "/cancel", "");
  CHECK(cancelled.status == 303);
  CHECK(cancelled.header("Location") == target);
  const auto ended = browser.get(target);
  CHECK(ended.says("data-state=\"cancelled\""));
  CHECK(!ended.says(kRefresh));
  CHECK(open.shop.available() == 10);
  // What he buys next is another order.
  const auto next = browser.buy(browser.get("/sales/mug/buy"), 2);
  CHECK(next.status == 303);
  CHECK(next.header("Location") != target);
  CHECK(open.shop.available() == 8);
  // He has all that he may have.
  const auto full = browser.get("/sales/mug/buy");
  CHECK(!full.says(kButton));
  CHECK(full.says(next.header("Location")));
}

TEST_CASE("until the log is read the plain pages say that they come back") {
  ShopLog log;
  Shop shop(log);
  const std::string ann = fmt::format("Cookie: sluice-buyer=ann\r\n{}", kForm);
  const std::string order = "/orders/" + order_of("ann");
  for (const Reply& reply : {shop.ask("GET", "/sales/mug/buy", ann), shop.ask("GET", order, ann),
                             shop.ask("POST", "/sales/mug/buyer", ann, "buyer=ann"),
                             shop.ask("POST", "/sales/mug/buy", ann, "slot=0&quantity=1"),
                             shop.ask("POST", order + "/cancel", ann)}) {
    CAPTURE(reply.head);
    CHECK(reply.status == 503);
    CHECK(reply.header("Retry-After") == "2");
    CHECK(reply.says("The shop is starting"));
  }
}

TEST_CASE("forms of other pages do nothing") {
  Open open;
  Shop& shop = open.shop;
  const std::string ann = "Cookie: sluice-buyer=ann\r\n";
  REQUIRE(shop.order("ann").status == 202);
  wait_read_back(shop);
  const std::string cancel = fmt::format("/orders/{}/cancel", order_of("ann"));
  for (const char* from : {"Origin: https://elsewhere.example\r\n", "Origin: null\r\n",
                           "Sec-Fetch-Site: cross-site\r\n"}) {
    CAPTURE(from);
    const std::string headers = ann + kForm + from;
    CHECK(shop.ask("POST", "/sales/mug/buy", headers, "quantity=1&slot=1").status == 403);
    CHECK(shop.ask("POST", "/sales/mug/buyer", headers, "buyer=eve").status == 403);
    CHECK(shop.ask("POST", cancel, headers).status == 403);
  }
  CHECK(shop.available() == 9);
  CHECK(shop.ask("POST", "/sales/mug/buy", ann, R"({"quantity":1})").status == 415);
  for (const char* form :
       {"", "quantity=1", "quantity=0&slot=0", "quantity=-1&slot=0", "quantity=1x&slot=0", "slot=0",
        "quantity=1&slot=%zz", "quantity=99999999999999999999&slot=0"}) {
    CAPTURE(form);
    CHECK(shop.ask("POST", "/sales/mug/buy", ann + kForm, form).status == 400);
  }
  CHECK(shop.available() == 9);
}

TEST_CASE("an order is shown to whoever knows its number, and ended by its own user") {
  Open open;
  REQUIRE(open.shop.order("ann").status == 202);
  wait_read_back(open.shop);
  const std::string path = "/orders/" + order_of("ann");
  Browser bob(open.shop);
  bob.call_oneself("bob");
  const auto shown = bob.get(path);
  CHECK(shown.status == 200);
  CHECK(shown.says("<details class=\"give-back\" hidden>"));
  CHECK(bob.post(path + "/cancel", "").status == 404);
  CHECK(open.shop.available() == 9);
  CHECK(bob.get("/orders/" + order_of("bob")).status == 404);
  CHECK(bob.get("/orders/x").says("This order does not exist"));
}

TEST_CASE("what is said of a refusal, under the API's status") {
  auto sale = mug();
  sale.stock = 1;
  SUBCASE("sold out") {
    Open open(selling(sale));
    Browser browser(open.shop);
    browser.call_oneself("bob");
    const auto page = browser.get("/sales/mug/buy");
    REQUIRE(open.shop.order("ann").status == 202);
    wait_read_back(open.shop);
    const auto refused = browser.buy(page);
    CHECK(refused.status == 409);
    CHECK(refused.header("Retry-After") == "900");
    CHECK(refused.says("Just sold out. Nothing was reserved."));
    CHECK(!refused.says(kButton));
    CHECK(refused.says("content=\"15; url=/sales/mug/buy\""));
  }
  SUBCASE("more than there is") {
    Open open(selling(sale));
    Browser browser(open.shop);
    browser.call_oneself("bob");
    const auto refused = browser.buy(browser.get("/sales/mug/buy"), 2);
    CHECK(refused.status == 409);
    CHECK(refused.says("Fewer than 2 are left."));
    CHECK(refused.says(kButton));
  }
  SUBCASE("more than one may have") {
    Open open;
    Browser browser(open.shop);
    browser.call_oneself("bob");
    const auto refused = browser.buy(browser.get("/sales/mug/buy"), 3);
    CHECK(refused.status == 409);
    CHECK(refused.says("You have reached the limit of 2 per person."));
  }
  SUBCASE("ended") {
    sale.ends_at = kNow + 1'000;
    Open open(selling(sale));
    Browser browser(open.shop);
    browser.call_oneself("bob");
    const auto page = browser.get("/sales/mug/buy");
    open.shop.clock.set_wall(kNow + 1'000);
    const auto refused = browser.buy(page);
    CHECK(refused.status == 410);
    CHECK(refused.says("The sale is over. Nothing was reserved."));
    CHECK(!refused.says(kRefresh));
  }
  SUBCASE("too often") {
    auto options = selling(sale);
    options.rates.user = Rate{.count = 1, .per = Millis(60'000), .burst = 1};
    Open open(std::move(options));
    Browser browser(open.shop);
    browser.call_oneself("bob");
    const auto page = browser.get("/sales/mug/buy");
    REQUIRE(browser.buy(page).status == 303);
    const auto refused = browser.buy(page);
    CHECK(refused.status == 429);
    CHECK(refused.says("Too many tries from here."));
    CHECK(!refused.header("Retry-After").empty());
  }
}

TEST_CASE("before the start the page asks anew, at the start at the latest") {
  auto sale = mug();
  sale.starts_at = kNow + 90'000;
  Open open(selling(sale));
  Browser browser(open.shop);
  browser.call_oneself("ann");
  CHECK(browser.get("/sales/mug/buy").says("content=\"60; url=/sales/mug/buy\""));
  open.shop.clock.set_wall(kNow + 88'001);
  const auto soon = browser.get("/sales/mug/buy?lang=zh");
  CHECK(soon.says("content=\"2; url=/sales/mug/buy?lang=zh\""));
  CHECK(!soon.says(kButton));
  open.shop.clock.set_wall(kNow + 90'000);
  CHECK(browser.get("/sales/mug/buy").says(kButton));
}

TEST_CASE("in the waiting room: a place, how it goes on, and a button when he is called") {
  auto sale = mug();
  sale.waiting_room_rate = 1;
  sale.starts_at = kNow + 1'000;
  RoomLog log;
  Shop shop(log, selling(sale));
  shop.start_and_wait();
  REQUIRE(eventually([&] { return shop.rooms->find("mug") != nullptr; }));
  Browser early(shop);
  early.call_oneself("early");
  // There are no numbers for a moment.
  Reply page;
  REQUIRE(eventually([&] {
    page = early.get("/sales/mug/buy");
    return page.says("You have a place.");
  }));
  CHECK(page.header("Set-Cookie").starts_with("sluice-ticket-mug="));
  CHECK(page.says("content=\"1; url=/sales/mug/buy\""));
  CHECK(early.get("/sales/mug/buy").header("Set-Cookie").empty());  // it is kept
  shop.clock.set_wall(kNow + 1'000);
  REQUIRE(eventually([&] {
    shop.clock.set_wall(shop.clock.wall().unix_millis + 20);
    page = early.get("/sales/mug/buy");
    return page.says(kButton);
  }));
  CHECK(page.says("It is your turn."));
  Browser late(shop);
  late.call_oneself("late");
  for (int i = 0; i < 20; ++i) {
    Browser other(shop);
    other.call_oneself(fmt::format("other-{}", i));
    other.get("/sales/mug/buy");
  }
  REQUIRE(eventually([&] {
    page = late.get("/sales/mug/buy");
    return page.says("in line; your turn comes in about");
  }));
  CHECK(!page.says(kButton));
  CHECK(page.says(kRefresh));
  // A form from before is no way around the line.
  const auto pushed = late.post("/sales/mug/buy", "slot=0&quantity=1");
  CHECK(pushed.status == 303);
  CHECK(pushed.header("Location") == "/sales/mug/buy");
  CHECK(shop.available() == 10);
  CHECK(early.buy(early.get("/sales/mug/buy")).header("Location").starts_with("/orders/"));
}

TEST_CASE("a purchase token comes with the page, and work needs JavaScript") {
  auto sale = mug();
  sale.purchase_token = true;
  SUBCASE("a token") {
    Open open(selling(sale));
    Browser browser(open.shop);
    browser.call_oneself("ann");
    const auto page = browser.get("/sales/mug/buy");
    CHECK(browser.post("/sales/mug/buy", "slot=0&quantity=1").says("please press again"));
    CHECK(open.shop.available() == 10);
    CHECK(browser.buy(page).status == 303);
    CHECK(open.shop.available() == 9);
  }
  SUBCASE("work") {
    sale.proof_of_work = 1;
    Open open(selling(sale));
    Browser browser(open.shop);
    browser.call_oneself("ann");
    const auto page = browser.get("/sales/mug/buy");
    CHECK(page.says("needs JavaScript"));
    CHECK(!page.says(kButton));
  }
}

TEST_CASE("with tokens it is the cookie's user, and whoever has none is sent to log in") {
  Shop::Options options;
  options.jwt = hs256_rules();
  options.jwt_cookie = "session";
  options.login_url = "https://id.example/login?to={path}";
  Open open(std::move(options));
  Browser browser(open.shop);
  const auto stranger = browser.get("/sales/mug/buy?lang=zh");
  CHECK(stranger.says("href=\"https://id.example/login?to=%2Fsales%2Fmug%2Fbuy%3Flang%3Dzh\""));
  CHECK(!stranger.says(kButton));
  CHECK(browser.post("/sales/mug/buy", "slot=0&quantity=1").status == 401);
  CHECK(browser.post("/sales/mug/buyer", "buyer=ann").status == 404);
  const std::string order = "/orders/" + order_of("ann");
  CHECK(browser.get(order).header("Location") ==
        fmt::format("https://id.example/login?to=%2Forders%2F{}", order_of("ann")));
  browser.has("session=" + hs256_token(R"({"sub":"ann","exp":1700000060})"));
  const auto page = browser.get("/sales/mug/buy");
  CHECK(page.says("<b id=\"buyer-name\">ann</b>"));
  CHECK(browser.buy(page).header("Location") == order);
  wait_read_back(open.shop);
  CHECK(browser.get(order).status == 200);
  browser.has("session=" + hs256_token(R"({"sub":"bob","exp":1700000060})"));
  CHECK(browser.get(order).status == 404);
  CHECK(browser.post(order + "/cancel", "").status == 404);
  CHECK(open.shop.available() == 9);
}

}  // namespace sluice::frontend
