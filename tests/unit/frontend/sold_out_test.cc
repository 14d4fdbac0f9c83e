// The sold-out answer: what it says, and what it costs.

#include "frontend/handlers/sold_out.h"

#include <doctest/doctest.h>

#include <fstream>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "tests/support/allocations.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/frontend/jwt_signer.h"
#include "tests/unit/frontend/open_shop.h"

namespace sluice::frontend {

using client::eventually;

namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

// What stands in Retry-After; empty without.
std::string retry_after(const http::StaticResponse& response) {
  Buffer bytes;
  response.append_to(bytes, "now", http::Persistence::keep, false);
  constexpr std::string_view kName = "Retry-After: ";
  const auto at = bytes.find(kName);
  if (at == Buffer::npos) return {};
  const auto begin = at + kName.size();
  return bytes.substr(begin, bytes.find('\r', begin) - begin);
}

// One unit, a minute to pay for it.
ledger::Sale last_one(std::int64_t window_ms = 60'000) {
  auto sale = mug();
  sale.stock = 1;
  sale.payment_window_ms = window_ms;
  return sale;
}

Shop::Options selling(const ledger::Sale& sale) {
  Shop::Options options;
  options.sales = {sale};
  return options;
}

void write_outcome(Open& open, const ledger::Event& event) {
  Stranger(open.log).write(event);
}

// Retry-After of a refusal, once the reader knows as much.
void becomes(Shop& shop, const std::string& seconds) {
  std::string seen = "?";
  const bool became = eventually([&] {
    const auto reply = shop.order("bob");
    check_problem(reply, 409, "sold-out");
    return (seen = reply.header("Retry-After")) == seconds;
  });
  CHECK_MESSAGE(became, "Retry-After: ", seen, ", not ", seconds);
}

}  // namespace

TEST_CASE("Retry-After is never early, and not much too late") {
  const SoldOutRefusals refusals;
  SaleStock sale(last_one(), 0);
  const auto wait = [&](std::int64_t due_in_ms) {
    sale.set_units_due_at(kNow + due_in_ms);
    return retry_after(*refusals.of(sale, {kNow}));
  };
  CHECK(retry_after(*refusals.of(sale, {kNow})).empty());
  CHECK(wait(1) == "1");
  CHECK(wait(1'000) == "1");
  CHECK(wait(1'001) == "2");
  CHECK(wait(60'000) == "60");
  CHECK(wait(60'001) == "70");
  CHECK(wait(3'600'001) == "4200");
  CHECK(wait(86'400'000) == "86400");
  CHECK(wait(std::int64_t{1} << 60) == "86400");
  // Over, and not yet called off: any moment.
  CHECK(wait(0) == "1");
  CHECK(wait(-5'000'000) == "1");
  for (std::int64_t ms = 1; ms < 86'400'000; ms += 997) {
    const std::int64_t told = std::stoll(wait(ms)) * 1'000;
    if (told < ms || told > ms + std::max<std::int64_t>(ms / 6, 999)) {
      FAIL_CHECK("due in ", ms, " ms, told ", told);
    }
  }
}

TEST_CASE("units that would come back after the end do not come back") {
  const SoldOutRefusals refusals;
  auto definition = last_one();
  definition.ends_at = kNow + 50'000;
  SaleStock sale(definition, 0);
  sale.set_units_due_at(kNow + 49'999);
  CHECK(retry_after(*refusals.of(sale, {kNow})) == "50");
  sale.set_units_due_at(kNow + 50'000);
  CHECK(retry_after(*refusals.of(sale, {kNow})).empty());
}

TEST_CASE("a sold-out sale tells when its first unpaid unit may come back") {
  auto sale = last_one();
  sale.stock = 2;
  Open open(selling(sale));
  Shop& shop = open.shop;
  REQUIRE(shop.order("ann").status == 202);
  shop.clock.set_wall(kNow + 10'000);
  REQUIRE(shop.order("cid").status == 202);
  becomes(shop, "50");
  shop.clock.set_wall(kNow + 20'500);
  becomes(shop, "40");
  write_outcome(open, ledger::Placed{.order = order_of("ann"), .sale = "mug"});
  becomes(shop, "40");
  write_outcome(open, ledger::Paid{.order = order_of("ann"), .sale = "mug", .payment = "p"});
  becomes(shop, "50");
  write_outcome(open, ledger::Paid{.order = order_of("cid"), .sale = "mug", .payment = "q"});
  becomes(shop, "");
}

TEST_CASE("Retry-After is right after a restart, and where nothing has to be paid") {
  ShopLog log;
  SUBCASE("a restart") {
    {
      Shop shop(log, selling(last_one()));
      shop.start_and_wait();
      REQUIRE(shop.order("ann").status == 202);
      wait_read_back(shop);
    }
    Shop shop(log, selling(last_one()));
    shop.start_and_wait();
    const auto reply = shop.order("bob");
    check_problem(reply, 409, "sold-out");
    CHECK(reply.header("Retry-After") == "60");
  }
  SUBCASE("no payment window") {
    Shop shop(log, selling(last_one(0)));
    shop.start_and_wait();
    REQUIRE(shop.order("ann").status == 202);
    wait_read_back(shop);
    const auto reply = shop.order("bob");
    check_problem(reply, 409, "sold-out");
    CHECK(reply.header("Retry-After").empty());
  }
}

// ---- what it costs ---------------------------------------------------------------------------

namespace {

// An order as a connection hands it over.
http::Request order_request(std::initializer_list<http::Header> headers) {
  http::Request request;
  request.peer = "203.0.113.9:1111";
  request.method = "POST";
  request.target = request.path = "/v1/sales/mug/orders";
  request.body = R"({"quantity":1})";
  for (const http::Header& header : headers) {
    request.header_array[request.header_count++] = header;
  }
  return request;
}

// The order is refused, and from the route to the last byte nothing is allocated.
void check_free(Shop& shop, http::Request request) {
  Buffer out;
  out.reserve(4'096);
  const std::uint64_t before = allocations();
  const http::Answer answer = shop.route(request);
  const auto* const* refusal = std::get_if<const http::StaticResponse*>(&answer);
  if (refusal != nullptr) (*refusal)->append_to(out, "now", http::Persistence::keep, false);
  const std::uint64_t spent = allocations() - before;
  REQUIRE(refusal != nullptr);
  CHECK(out.find(R"("code":"sold-out")") != Buffer::npos);
  CHECK(spent == 0);
}

// Everything that a sale and its operator can ask of a buyer.
ledger::Sale guarded(ledger::Sale sale) {
  sale.purchase_token = true;
  sale.proof_of_work = 18;
  sale.waiting_room_rate = 5;
  return sale;
}

Shop::Options with_everything(const tests::TempDir& lists) {
  const Rate few{.count = 1, .per = Millis(3'600'000), .burst = 1};
  auto options = selling(guarded(last_one()));
  std::ofstream(lists.path() + "/blocked") << "bob\n";
  options.user_lists = lists.path();
  options.rates = {.user = few, .address = few, .global = few};
  return options;
}

// Sold out by an order of ann's, whoever could have placed it.
struct SoldOut {
  ShopLog log;
  Shop shop;

  explicit SoldOut(Shop::Options options) : shop(log, std::move(options)) {
    log.create_topic("seckill.waiting", 1);
    shop.start_and_wait();
    Stranger stranger(log);
    auto order = reserve_of("ann", "slot:0", 1);
    order.deadline = kNow + 60'000;
    stranger.write(order);
    REQUIRE(eventually([&] { return shop.sale().sold_out(); }));
  }
};

}  // namespace

TEST_CASE("whoever counts allocations sees them") {
  const std::uint64_t before = allocations();
  const auto number = std::make_unique<int>(1);
  CHECK(allocations() == before + 1);
}

TEST_CASE("a sold-out answer allocates nothing, whatever the sale asks for") {
  const http::Header bob{"X-User-Id", "bob"};
  SUBCASE("a name") {
    SoldOut sold(selling(last_one()));
    check_free(sold.shop, order_request({bob}));
    check_free(sold.shop, order_request({}));
  }
  SUBCASE("all rules at once") {
    const tests::TempDir lists;
    SoldOut sold(with_everything(lists));
    check_free(sold.shop, order_request({bob}));
    check_free(sold.shop,
               order_request({bob, {"Sluice-Purchase-Token", "none"}, {"Cookie", "a=b"}}));
  }
}

TEST_CASE("a sold-out answer looks at no signature: not the token's, not a forged one's") {
  const tests::TempDir lists;
  auto options = with_everything(lists);
  options.jwt = hs256_rules();
  for (int i = 0; i < 7; ++i) {
    options.jwt->keys.push_back(key_of(JwtKey::ed25519(jwt_public_pem())));
  }
  SoldOut sold(std::move(options));
  const std::string claims = R"({"sub":"bob","exp":1700000060,"iss":"id","aud":["shop"]})";
  for (const std::string& token :
       {hs256_token(claims), ed25519_token(claims), hs256_token(claims) + "x",
        hs256_token(R"({"sub":"bob"})"), std::string("no token"), std::string(9'000, 'x')}) {
    const std::string value = "Bearer " + token;
    check_free(sold.shop, order_request({{"Authorization", value}}));
  }
  check_free(sold.shop, order_request({}));
}

}  // namespace sluice::frontend
