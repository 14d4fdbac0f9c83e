// Who a request is from, on every route that has a user.

#include "frontend/user_identity.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "frontend/key_files.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/client/deliveries.h"
#include "tests/unit/frontend/jwt_signer.h"
#include "tests/unit/frontend/open_shop.h"

namespace sluice::frontend {

namespace {

// Shows a signed token of the user, which ends a minute after the shop opens.
std::string as(std::string_view user) {
  return fmt::format("Authorization: Bearer {}\r\n",
                     hs256_token(fmt::format(R"({{"sub":"{}","exp":1700000060}})", user)));
}

Shop::Options members_only(std::int64_t stock = 10) {
  Shop::Options options;
  options.jwt = hs256_rules();
  options.sales.front().stock = stock;
  return options;
}

Reply buy(Shop& shop, std::string_view headers, std::string_view body = "") {
  return shop.ask("POST", "/v1/sales/mug/orders", headers, body);
}

}  // namespace

TEST_CASE("an order is of the token's user, whatever the header says") {
  Open open(members_only());
  const auto reply = buy(open.shop, as("ann") + "X-User-Id: bob\r\n");
  CHECK(reply.status == 202);
  CHECK(reply.header("Location") == "/v1/orders/" + order_of("ann"));
  wait_read_back(open.shop);
  const auto mine = open.shop.ask("GET", "/v1/orders", as("ann"));
  CHECK(mine.says(order_of("ann")));
  CHECK(mine.says(R"("user":"ann")"));
  CHECK(open.shop.ask("GET", "/v1/orders", as("bob")).body == "{\"orders\":[]}\n");
}

TEST_CASE("the token in a cookie: by it only pages of ours change anything") {
  auto options = members_only();
  options.jwt_cookie = "session";
  Open open(std::move(options));
  Shop& shop = open.shop;
  const auto cookie = [](std::string_view user) {
    return fmt::format("Cookie: a=b; session={}\r\n",
                       hs256_token(fmt::format(R"({{"sub":"{}","exp":1700000060}})", user)));
  };
  CHECK(shop.ask("GET", "/v1/user", cookie("ann")).body == "{\"user\":\"ann\"}\n");
  CHECK(shop.ask("GET", "/v1/user", cookie("ann") + as("bob")).body == "{\"user\":\"bob\"}\n");
  check_problem(shop.ask("GET", "/v1/user"), 401, "no-user");
  check_problem(shop.ask("GET", "/v1/user", "Cookie: session=x\r\n"), 401, "invalid-token");
  const std::string elsewhere = "Origin: https://elsewhere.example\r\n";
  check_problem(buy(shop, cookie("ann") + elsewhere), 403, "another-origin");
  check_problem(buy(shop, cookie("ann") + "Sec-Fetch-Site: cross-site\r\n"), 403, "another-origin");
  CHECK(shop.available() == 10);
  // A script elsewhere that has a token of its own is that user's program.
  CHECK(buy(shop, as("bob") + elsewhere).status == 202);
  CHECK(buy(shop, cookie("ann") + "Origin: http://shop\r\n").status == 202);
  const std::string order = "/v1/orders/" + order_of("ann");
  CHECK(shop.ask("GET", order, cookie("ann") + elsewhere).status == 200);
  check_problem(shop.ask("DELETE", order, cookie("ann") + elsewhere), 403, "another-origin");
  CHECK(shop.ask("DELETE", order, cookie("ann") + "Sec-Fetch-Site: same-origin\r\n").status == 200);
}

TEST_CASE("without jwt_cookie no cookie is looked at") {
  Open open(members_only());
  const std::string token = hs256_token(R"({"sub":"ann","exp":1700000060})");
  for (const char* name : {"", "session"}) {
    check_problem(open.shop.ask("GET", "/v1/user", fmt::format("Cookie: {}={}\r\n", name, token)),
                  401, "no-user");
  }
}

TEST_CASE("no token, and one that is refused, by every route") {
  Open open(members_only());
  REQUIRE(buy(open.shop, as("ann")).status == 202);
  const std::string order = "/v1/orders/" + order_of("ann");
  const std::string routes[][2] = {{"POST", "/v1/sales/mug/orders"},
                                   {"GET", "/v1/orders"},
                                   {"GET", order},
                                   {"GET", order + "/events"},
                                   {"DELETE", order}};
  for (const auto& [method, target] : routes) {
    CAPTURE(method);
    CAPTURE(target);
    for (const char* headers : {"", "X-User-Id: ann\r\n", "Authorization: Basic YW5uOg==\r\n",
                                "Authorization: Bearer\r\n"}) {
      const auto nobody = open.shop.ask(method, target, headers);
      check_problem(nobody, 401, "no-user");
      CHECK(nobody.header("WWW-Authenticate") == "Bearer");
    }
    const auto other = open.shop.ask(method, target, "Authorization: Bearer a.b.c\r\n");
    check_problem(other, 401, "invalid-token");
    CHECK(other.header("WWW-Authenticate")
              .starts_with(R"(Bearer error="invalid_token", error_description=")"));
  }
  open.shop.clock.set_wall(1'700'000'060'000);
  const auto late = open.shop.ask("GET", order, as("ann"));
  check_problem(late, 401, "invalid-token");
  CHECK(late.says("it has expired"));
  CHECK(open.shop.available() == 9);
}

TEST_CASE("somebody else's order is none") {
  Open open(members_only());
  REQUIRE(buy(open.shop, as("ann")).status == 202);
  const std::string order = "/v1/orders/" + order_of("ann");
  for (const bool read_back : {false, true}) {
    if (read_back) wait_read_back(open.shop);
    check_problem(open.shop.ask("GET", order, as("bob")), 404, "no-such-order");
    check_problem(open.shop.ask("GET", order + "/events", as("bob")), 404, "no-such-order");
    check_problem(open.shop.ask("DELETE", order, as("bob")), 404, "no-such-order");
    CHECK(open.shop.ask("GET", order, as("ann")).status == 200);
  }
  CHECK(open.shop.ask("DELETE", order, as("ann")).says(R"("state":"cancelled")"));
  CHECK(open.shop.available() == 10);
}

TEST_CASE("sold out is said before a token is checked, and a buyer still gets his answer") {
  Open open(members_only(1));
  const auto first = buy(open.shop, as("ann"));
  REQUIRE(first.status == 202);
  for (const std::string& headers :
       {as("bob"), std::string(), std::string("Authorization: Bearer a.b.c\r\n"),
        // Nobody has signed it, and nobody looks.
        fmt::format("Authorization: Bearer {}.\r\n", unsigned_token("{}", R"({"sub":"bob"})"))}) {
    CAPTURE(headers);
    check_problem(buy(open.shop, headers, "this is not even read"), 409, "sold-out");
  }
  CHECK(buy(open.shop, as("ann")).body == first.body);
  // A forged token of somebody who has an order comes no further.
  check_problem(buy(open.shop, fmt::format("Authorization: Bearer {}.\r\n",
                                           unsigned_token("{}", R"({"sub":"ann"})"))),
                401, "invalid-token");
}

TEST_CASE("with auth none an order is shown to whoever knows its id") {
  Open open;
  REQUIRE(open.shop.order("ann").status == 202);
  CHECK(open.shop.ask("GET", "/v1/orders/" + order_of("ann")).status == 200);
  CHECK(open.shop.ask("GET", "/v1/orders/" + order_of("ann"), "X-User-Id: bob\r\n").status == 200);
  CHECK(buy(open.shop, as("bob")).status == 401);
}

namespace {

std::string written(const tests::TempDir& folder, const std::string& name, std::string_view bytes) {
  const std::string path = folder.path() + "/" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::string told(const Options& options) {
  const auto rules = jwt_rules(options);
  return rules ? std::string() : rules.error().context;
}

}  // namespace

TEST_CASE("keys come from files, and errors name option and file, never the secret") {
  const tests::TempDir folder;
  Options options;
  options.jwt_secret_files = {written(folder, "old", std::string(32, 'o')),
                              written(folder, "new", jwt_secret() + "\n")};
  options.jwt_public_key_files = {written(folder, "key.pem", jwt_public_pem())};
  options.jwt_issuer = "me";
  auto rules = jwt_rules(options);
  REQUIRE(rules);
  CHECK(rules->keys.size() == 3);
  CHECK(rules->leeway == Millis(30'000));
  constexpr WallTime kNow{1'700'000'000'000};
  constexpr std::string_view kPayload = R"({"sub":"ann","iss":"me","exp":1700000060})";
  CHECK(verify_jwt(hs256_token(kPayload), *rules, kNow));
  CHECK(verify_jwt(ed25519_token(kPayload), *rules, kNow));

  const std::string none = folder.path() + "/none";
  options.jwt_secret_files = {none};
  CHECK(told(options) ==
        fmt::format("jwt_secret_files: {}: cannot be opened: No such file or directory", none));
  const std::string small = written(folder, "small", "hunter2hunter2\r\n");
  options.jwt_secret_files = {small};
  CHECK(told(options) ==
        fmt::format("jwt_secret_files: {}: has 14 bytes; HS256 needs 32 or more", small));
  options.jwt_secret_files = {written(folder, "huge", std::string((64 << 10) + 1, 'x'))};
  CHECK(told(options).ends_with("/huge: has more than 65536 bytes"));
  options.jwt_secret_files = {folder.path()};
  CHECK(told(options).find("cannot be read: Is a directory") != std::string::npos);
  options.jwt_secret_files.clear();
  options.jwt_public_key_files = {small};
  CHECK(told(options) == fmt::format("jwt_public_key_files: {}: is no public key in PEM", small));
}

TEST_CASE("the secret of purchase tokens is the file's, or a new one each time") {
  const tests::TempDir folder;
  Options options;
  SystemRandom random;
  const auto drawn = purchase_secret(options, random);
  REQUIRE(drawn);
  CHECK(drawn->size() >= kMinSealSecretBytes);
  CHECK(*purchase_secret(options, random) != *drawn);
  options.purchase_secret_file = written(folder, "secret", std::string(32, 'p') + "\r\n");
  CHECK(*purchase_secret(options, random) == std::string(32, 'p'));
  options.purchase_secret_file = written(folder, "small", "small");
  CHECK(purchase_secret(options, random).error().context ==
        fmt::format("purchase_secret_file: {}: has 5 bytes; it needs 32 or more",
                    options.purchase_secret_file));
}

}  // namespace sluice::frontend
