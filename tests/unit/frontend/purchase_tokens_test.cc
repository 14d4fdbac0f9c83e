// Purchase tokens and the work for them: the decisions, and what they mean to an order.

#include "frontend/purchase_tokens.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "shared/base/random.h"
#include "shared/crypto/sha256.h"
#include "tests/unit/client/deliveries.h"
#include "tests/unit/frontend/open_shop.h"

namespace sluice::frontend {

namespace {

using Verdict = PurchaseTokens::Verdict;
using Work = PurchaseTokens::Work;

constexpr WallTime kNow{1'700'000'000'000};
constexpr std::int64_t kBits = 9;

PurchaseTokens tokens() {
  return {std::string(32, 's'), Millis(60'000)};
}

ledger::Sale guarded(std::int64_t bits = kBits) {
  auto sale = mug();
  sale.purchase_token = true;
  sale.proof_of_work = bits;
  return sale;
}

WallTime later(std::int64_t ms) {
  return {kNow.unix_millis + ms};
}

// By the definition of the work, not by the code that checks it.
bool begins_with_zero_bits(const Sha256& digest, std::int64_t bits) {
  for (std::int64_t bit = 0; bit < bits; ++bit) {
    if ((digest[static_cast<std::size_t>(bit / 8)] >> (7 - bit % 8) & 1) != 0) return false;
  }
  return true;
}

std::string solve(std::string_view challenge, std::int64_t bits) {
  for (std::uint64_t nonce = 0;; ++nonce) {
    if (begins_with_zero_bits(sha256(fmt::format("{}:{}", challenge, nonce)), bits)) {
      return fmt::to_string(nonce);
    }
  }
}

// One that does not do.
std::string botch(std::string_view challenge, std::int64_t bits) {
  for (std::uint64_t nonce = 0;; ++nonce) {
    if (!begins_with_zero_bits(sha256(fmt::format("{}:{}", challenge, nonce)), bits)) {
      return fmt::to_string(nonce);
    }
  }
}

}  // namespace

TEST_CASE("a seal is an HMAC-SHA-256 over its end and its subject") {
  // By: printf '1700000000000\nsubject' | openssl dgst -sha256 -hmac ssss… -binary | base64
  CHECK(TimedSeal(std::string(32, 's')).seal("subject", kNow) ==
        "1700000000000.IuPNv6aWMvJ36-61qtySOV_yVYF076j1DyCkAzAmSQk");
}

TEST_CASE("a purchase token is of one sale and user, and of a minute") {
  const PurchaseTokens issuer = tokens();
  const auto token = issuer.issue(guarded(), "ann", kNow);
  CHECK(token.end.unix_millis == later(60'000).unix_millis);
  CHECK(issuer.check(guarded(), "ann", token.text, kNow) == Verdict::good);
  CHECK(issuer.check(guarded(), "ann", token.text, later(59'999)) == Verdict::good);
  CHECK(issuer.check(guarded(), "ann", token.text, later(60'000)) == Verdict::over);
  CHECK(issuer.check(guarded(), "bob", token.text, kNow) == Verdict::forged);
  auto cup = guarded();
  cup.sale = "cup";
  CHECK(issuer.check(cup, "ann", token.text, kNow) == Verdict::forged);
  const PurchaseTokens other(std::string(32, 't'), Millis(60'000));
  CHECK(other.check(guarded(), "ann", token.text, kNow) == Verdict::forged);
  // More time by hand.
  CHECK(issuer.check(guarded(), "ann", "1" + token.text, kNow) == Verdict::forged);
  // A challenge is no token, whatever its user is called.
  const auto challenge = issuer.challenge(guarded(), "ann", kNow);
  CHECK(issuer.check(guarded(), "ann", challenge.text, kNow) == Verdict::forged);
}

TEST_CASE("texts that are no seals") {
  const PurchaseTokens issuer = tokens();
  for (const char* text :
       {"", ".", "x", "1800000000000", "1800000000000.", ".AAAA", "18e11.AAAA",
        "+1800000000000.AAAA", " 1800000000000.AAAA", "99999999999999999999.AAAA",
        "1800000000000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "1800000000000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "1800000000000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    CAPTURE(text);
    CHECK(issuer.check(guarded(), "ann", text, kNow) == Verdict::forged);
  }
  CHECK(issuer.check(guarded(), "ann", "-1.AAAA", kNow) == Verdict::over);
}

TEST_CASE("no other text than the token is taken") {
  const PurchaseTokens issuer = tokens();
  const std::string good = issuer.issue(guarded(), "ann", kNow).text;
  SeededRandom random(7);
  for (int i = 0; i < 200'000; ++i) {
    std::string other = good;
    const std::size_t at = random.below(other.size());
    switch (random.below(3)) {
      case 0:
        other[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        other.erase(at, 1 + random.below(3));
        break;
      default:
        other.insert(at, 1, good[random.below(good.size())]);
        break;
    }
    const bool taken = issuer.check(guarded(), "ann", other, kNow) == Verdict::good;
    if (taken != (other == good)) FAIL_CHECK("taken: ", other);
  }
}

TEST_CASE("work is of one sale, user and difficulty, and of five minutes") {
  const PurchaseTokens issuer = tokens();
  const auto challenge = issuer.challenge(guarded(), "ann", kNow);
  const std::string nonce = solve(challenge.text, kBits);
  const auto told = [&](const ledger::Sale& sale, std::string_view user, std::string_view text,
                        std::string_view solution, WallTime now) {
    return issuer.check_work(sale, user, text, solution, now);
  };
  CHECK(told(guarded(), "ann", challenge.text, nonce, kNow) == Work::done);
  CHECK(told(guarded(), "ann", challenge.text, nonce, later(299'999)) == Work::done);
  CHECK(told(guarded(), "ann", challenge.text, nonce, later(300'000)) == Work::outdated);
  CHECK(told(guarded(), "bob", challenge.text, nonce, kNow) == Work::foreign);
  CHECK(told(guarded(kBits - 1), "ann", challenge.text, nonce, kNow) == Work::foreign);
  auto cup = guarded();
  cup.sale = "cup";
  CHECK(told(cup, "ann", challenge.text, nonce, kNow) == Work::foreign);
  CHECK(told(guarded(), "ann", challenge.text, botch(challenge.text, kBits), kNow) ==
        Work::too_little);
  // Work on a challenge of one's own making.
  const std::string forged = "1900000000000.mine";
  CHECK(told(guarded(), "ann", forged, solve(forged, kBits), kNow) == Work::foreign);
  // No challenge that was had before can be told from the clock.
  CHECK(issuer.challenge(guarded(), "ann", later(1)).text != challenge.text);
}

TEST_CASE("each difficulty from none to twelve bits is what it says") {
  const PurchaseTokens issuer = tokens();
  for (std::int64_t bits = 0; bits <= 12; ++bits) {
    CAPTURE(bits);
    const auto challenge = issuer.challenge(guarded(bits), "ann", kNow);
    const auto with = [&](const std::string& nonce) {
      return issuer.check_work(guarded(bits), "ann", challenge.text, nonce, kNow);
    };
    CHECK(with(solve(challenge.text, bits)) == Work::done);
    if (bits > 0) CHECK(with(botch(challenge.text, bits)) == Work::too_little);
  }
}

namespace {

Shop::Options selling(const ledger::Sale& sale) {
  Shop::Options options;
  options.sales = {sale};
  return options;
}

std::string named(std::string_view user) {
  return fmt::format("X-User-Id: {}\r\n", user);
}

std::string text_in(const Reply& reply, std::string_view field) {
  return std::string(boost::json::parse(reply.body).at(field).as_string());
}

Reply ask_token(Shop& shop, std::string_view user, std::string_view body = "") {
  return shop.ask("POST", "/v1/sales/mug/purchase-token", named(user), body);
}

Reply ask_challenge(Shop& shop, std::string_view user) {
  return shop.ask("GET", "/v1/sales/mug/challenge", named(user));
}

std::string solution_for(Shop& shop, std::string_view user) {
  const auto challenge = text_in(ask_challenge(shop, user), "challenge");
  return fmt::format(R"({{"challenge":"{}","nonce":"{}"}})", challenge, solve(challenge, kBits));
}

std::string shown(std::string_view token) {
  return fmt::format("Sluice-Purchase-Token: {}\r\n", token);
}

}  // namespace

TEST_CASE("a sale that asks for a token, and how one gets it") {
  Open open(selling(guarded(0)));
  Shop& shop = open.shop;
  check_problem(shop.order("ann"), 403, "purchase-token-required");
  check_problem(shop.order("ann", shown("x")), 403, "purchase-token-invalid");
  CHECK(shop.ask("GET", "/v1/sales/mug").says(R"("purchase_token":"required","proof_of_work":0)"));
  check_problem(ask_challenge(shop, "ann"), 404, "no-purchase-token");  // no work is asked for
  const auto reply = ask_token(shop, "ann");
  CHECK(reply.status == 200);
  CHECK(reply.header("Cache-Control") == "no-store");
  CHECK(text_in(reply, "expires_at") == "2023-11-14T22:14:20.000Z");
  const auto token = text_in(reply, "purchase_token");
  check_problem(shop.order("bob", shown(token)), 403, "purchase-token-invalid");
  CHECK(shop.available() == 10);
  CHECK(shop.order("ann", shown(token)).status == 202);
  CHECK(shop.available() == 9);
}

TEST_CASE("whoever has an order gets its answer again without a token") {
  Open open(selling(guarded(0)));
  Shop& shop = open.shop;
  const auto first = shop.order("ann", shown(text_in(ask_token(shop, "ann"), "purchase_token")));
  REQUIRE(first.status == 202);
  const auto again = shop.order("ann");
  CHECK(again.body == first.body);
  CHECK(again.header("Idempotency-Replayed") == "true");
  check_problem(shop.order("ann", "", R"({"quantity":2})"), 422, "key-reused");
  check_problem(shop.order("ann", "Idempotency-Key: new\r\n"), 403, "purchase-token-required");
}

TEST_CASE("a token for work") {
  Open open(selling(guarded()));
  Shop& shop = open.shop;
  const auto none = ask_token(shop, "ann");
  check_problem(none, 403, "work-required");
  CHECK(none.says(R"("difficulty":9)"));
  const auto challenge = ask_challenge(shop, "ann");
  CHECK(challenge.status == 200);
  CHECK(challenge.header("Cache-Control") == "no-store");
  CHECK(challenge.says(R"("algorithm":"sha256","difficulty":9,"expires_at":"2023-11-14T22:18:20)"));
  const auto solution = solution_for(shop, "ann");
  check_problem(ask_token(shop, "bob", solution), 403, "work-invalid");
  const auto text = text_in(challenge, "challenge");
  check_problem(
      ask_token(shop, "ann",
                fmt::format(R"({{"challenge":"{}","nonce":"{}"}})", text, botch(text, kBits))),
      403, "work-invalid");
  const auto token = ask_token(shop, "ann", solution);
  CHECK(token.status == 200);
  CHECK(shop.order("ann", shown(text_in(token, "purchase_token"))).status == 202);
  // The same work again is the same user again: nothing is to be had by it but another token.
  CHECK(ask_token(shop, "ann", solution).status == 200);
  shop.clock.set_wall(1'700'000'300'000);
  check_problem(ask_token(shop, "ann", solution), 403, "work-invalid");
}

TEST_CASE("what is sent as the work, and is none") {
  Open open(selling(guarded()));
  struct Row {
    std::string body;
    const char* says;
  };
  const Row rows[] = {
      {"{", "body"},
      {"[]", "body"},
      {"{}", "challenge"},
      {R"({"challenge":1,"nonce":"1"})", "challenge"},
      {R"({"challenge":"","nonce":"1"})", "challenge"},
      {R"({"challenge":"c"})", "nonce"},
      {R"({"challenge":"c","nonce":1})", "nonce"},
      {fmt::format(R"({{"challenge":"c","nonce":"{}"}})", std::string(129, '1')), "nonce"},
      {fmt::format(R"({{"challenge":"{}","nonce":"1"}})", std::string(129, '1')), "challenge"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.body);
    const auto reply = ask_token(open.shop, "ann", row.body);
    check_problem(reply, 400, "invalid-request");
    CHECK(reply.says(row.says));
  }
}

TEST_CASE("before the start there is nothing to be had, and nothing to be learned") {
  auto sale = guarded();
  sale.starts_at = 1'700'000'001'000;
  Open open(selling(sale));
  Shop& shop = open.shop;
  const auto early = ask_token(shop, "ann");
  check_problem(early, 404, "no-purchase-token");
  CHECK(ask_challenge(shop, "ann").body == early.body);
  // The same as for a sale that there is not.
  CHECK(shop.ask("POST", "/v1/sales/cup/purchase-token", named("ann")).body == early.body);
  CHECK(shop.ask("GET", "/v1/sales/cup/challenge").body == early.body);
  shop.clock.set_wall(*sale.starts_at);
  CHECK(ask_challenge(shop, "ann").status == 200);
  check_problem(shop.ask("GET", "/v1/sales/mug/challenge"), 401, "no-user");
  check_problem(shop.ask("POST", "/v1/sales/mug/purchase-token"), 401, "no-user");
}

TEST_CASE("a sale that asks for nothing gives no tokens, and sold out is said first") {
  SUBCASE("nothing asked for") {
    Open open;
    check_problem(ask_token(open.shop, "ann"), 404, "no-purchase-token");
    check_problem(ask_challenge(open.shop, "ann"), 404, "no-purchase-token");
    CHECK(!open.shop.ask("GET", "/v1/sales/mug").says("purchase_token"));
    CHECK(open.shop.order("ann", shown("whatever")).status == 202);
  }
  SUBCASE("sold out") {
    auto sale = guarded(0);
    sale.stock = 0;
    Open open(selling(sale));
    check_problem(open.shop.order("ann"), 409, "sold-out");
    check_problem(ask_token(open.shop, "ann"), 409, "sold-out");
    check_problem(open.shop.ask("POST", "/v1/sales/mug/purchase-token"), 409, "sold-out");
  }
  SUBCASE("paused") {
    auto sale = guarded(0);
    sale.paused = true;
    Open open(selling(sale));
    check_problem(ask_token(open.shop, "ann"), 404, "no-purchase-token");
    check_problem(open.shop.order("ann"), 409, "sale-paused");
  }
}

TEST_CASE("an operator asks for tokens and work while it sells, and stops to") {
  Open open;
  Shop& shop = open.shop;
  constexpr const char* kAny = "If-Match: *\r\n";
  for (const char* body : {R"({"purchase_token":true})", R"({"purchase_token":"yes"})",
                           R"({"proof_of_work":29})", R"({"proof_of_work":-1})"}) {
    CAPTURE(body);
    check_problem(shop.admin("PATCH", "/v1/sales/mug", kAny, body), 400, "invalid-request");
  }
  // Work needs the token that it is done for.
  const auto changed = shop.admin("PATCH", "/v1/sales/mug", kAny, R"({"proof_of_work":9})");
  CHECK(changed.says(R"("purchase_token":"none","proof_of_work":9)"));
  check_problem(shop.order("ann"), 403, "purchase-token-required");
  const auto token = text_in(ask_token(shop, "ann", solution_for(shop, "ann")), "purchase_token");
  CHECK(shop.order("ann", shown(token)).status == 202);
  REQUIRE(shop.admin("PATCH", "/v1/sales/mug", kAny,
                     R"({"purchase_token":"required","proof_of_work":0})")
              .status == 200);
  CHECK(ask_token(shop, "bob").status == 200);
  REQUIRE(shop.admin("PATCH", "/v1/sales/mug", kAny, R"({"purchase_token":"none"})").status == 200);
  CHECK(shop.order("bob").status == 202);
}

}  // namespace sluice::frontend
