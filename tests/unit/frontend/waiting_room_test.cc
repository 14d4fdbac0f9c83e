// The waiting room over HTTP, and what it keeps on the log.

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>

#include <fmt/format.h>

#include "frontend/ticket.h"
#include "tests/unit/frontend/open_shop.h"

namespace sluice::frontend {

using client::eventually;

namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

ledger::Sale roomy(std::int64_t rate) {
  auto sale = mug();
  sale.waiting_room_rate = rate;
  return sale;
}

// A log that has the topic of waiting lines, too: the mock cluster creates none.
struct RoomLog : ShopLog {
  RoomLog() { create_topic("seckill.waiting", 1); }
};

Shop::Options selling(const ledger::Sale& sale) {
  Shop::Options options;
  options.sales = {sale};
  return options;
}

struct OpenRoom {
  RoomLog log;
  std::unique_ptr<Shop> shop;

  explicit OpenRoom(const ledger::Sale& sale) { begin(sale); }
  void begin(const ledger::Sale& sale, std::int64_t now = kNow) {
    shop.reset();
    shop = std::make_unique<Shop>(log, selling(sale));
    shop->clock.set_wall(now);
    shop->start_and_wait();
    REQUIRE(eventually([&] { return shop->rooms->find("mug") != nullptr; }));
  }

  // As a browser: keeps the ticket that it is given.
  Reply ticket(const std::string& user) {
    return keep(user, shop->ask("POST", "/v1/sales/mug/ticket", headers(user)));
  }
  Reply order(const std::string& user) {
    return keep(user, shop->ask("POST", "/v1/sales/mug/orders", headers(user)));
  }
  // A ticket for sure: right after the start there are none for a moment.
  Reply join(const std::string& user) {
    Reply reply;
    REQUIRE(eventually([&] { return (reply = ticket(user)).status != 503; }));
    REQUIRE(reply.status == 200);
    return reply;
  }

  std::map<std::string, std::string> cookies;

 private:
  std::string headers(const std::string& user) {
    std::string lines = fmt::format("X-User-Id: {}\r\n", user);
    if (cookies.contains(user)) lines += fmt::format("Cookie: a=b; {}\r\n", cookies[user]);
    return lines;
  }
  Reply keep(const std::string& user, Reply reply) {
    const std::string cookie = reply.header("Set-Cookie");
    if (!cookie.empty()) cookies[user] = cookie.substr(0, cookie.find(';'));
    return reply;
  }
};

std::int64_t position(const Reply& reply) {
  const auto at = reply.body.find(R"("position":)");
  REQUIRE(at != std::string::npos);
  return std::strtoll(reply.body.c_str() + at + 11, nullptr, 10);
}

}  // namespace

TEST_CASE("first come, first served, at the rate") {
  OpenRoom room(roomy(1));
  const auto first = room.join("ann");
  CHECK(first.says(R"("inWaitingRoom":false,"position":null,"waitTime":0,"waitTimeKnown":true)"));
  CHECK(first.header("Cache-Control") == "no-store");
  CHECK(first.header("Set-Cookie").find("; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax") !=
        std::string::npos);
  const auto second = room.join("bob");
  CHECK(second.says(R"("inWaitingRoom":true,"position":1,"waitTime":1,"waitTimeKnown":true)"));
  CHECK(second.header("Retry-After") == "1");
  CHECK(room.join("cid").says(R"("position":2,"waitTime":2)"));
  CHECK(room.order("ann").status == 202);
  const auto early = room.order("bob");
  check_problem(early, 429, "waiting-room");
  CHECK(early.says(R"("position":1)"));
  CHECK(early.says(R"("retry_after_ms":1000)"));
  CHECK(early.header("Retry-After") == "1");
  CHECK(early.header("Set-Cookie") == "");  // he has a ticket
  room.shop->clock.set_wall(kNow + 999);
  CHECK(room.order("bob").status == 429);
  room.shop->clock.set_wall(kNow + 1'000);
  CHECK(room.ticket("bob").says(R"("inWaitingRoom":false)"));
  CHECK(room.order("bob").status == 202);
  CHECK(room.order("cid").status == 429);
  CHECK(room.shop->metrics.waiting.value() == 3);
  CHECK(room.shop->metrics.tickets.value() == 3);
}

TEST_CASE("an order without a ticket gets one, and its place") {
  OpenRoom room(roomy(1));
  room.join("ann");
  const auto refused = room.order("bob");
  check_problem(refused, 429, "waiting-room");
  CHECK(refused.says(R"("position":1)"));
  CHECK(room.cookies.contains("bob"));
  room.shop->clock.set_wall(kNow + 1'000);
  CHECK(room.order("bob").status == 202);
}

TEST_CASE("a ticket is of one user, and cannot be made") {
  OpenRoom room(roomy(1));
  room.join("ann");
  room.join("bob");
  room.cookies["cid"] = room.cookies["ann"];
  CHECK(room.order("cid").says(R"("position":2)"));
  for (const char* forged : {"sluice-ticket-mug=0.00", "sluice-ticket-mug=0.",
                             "sluice-ticket-mug=", "sluice-ticket-mug=-1.x",
                             "sluice-ticket-mug=99999999999999999999.x"}) {
    CAPTURE(forged);
    const std::string user = forged + 17;
    room.cookies["user" + user] = forged;
    CHECK(room.order("user" + user).status == 429);
  }
}

TEST_CASE("whoever has an order gets its answer without a ticket") {
  OpenRoom room(roomy(1));
  room.join("ann");
  REQUIRE(room.order("ann").status == 202);
  room.join("bob");
  room.cookies.clear();
  CHECK(room.order("ann").header("Idempotency-Replayed") == "true");
}

TEST_CASE("before the start all are equal; at the start a lot decides; who comes later is behind") {
  auto sale = roomy(1);
  sale.starts_at = kNow + 60'000;
  OpenRoom room(sale);
  for (int i = 0; i < 8; ++i) {
    const auto early = room.join(fmt::format("user-{}", i));
    CHECK(
        early.says(R"("inWaitingRoom":true,"position":null,"waitTime":60,"waitTimeKnown":false)"));
    CHECK(early.header("Retry-After") == "12");
  }
  check_problem(room.order("user-0"), 409, "sale-not-started");
  room.shop->clock.set_wall(kNow + 60'000);
  REQUIRE(eventually([&] { return room.ticket("user-0").says(R"("waitTimeKnown":true)"); }));
  std::set<std::int64_t> positions;
  for (int i = 0; i < 8; ++i) {
    const auto reply = room.ticket(fmt::format("user-{}", i));
    positions.insert(reply.says(R"("inWaitingRoom":true)") ? position(reply) : 0);
  }
  CHECK(positions.size() == 8);
  CHECK(position(room.join("late")) > *positions.rbegin());
}

TEST_CASE("another process goes on where the first one was killed") {
  OpenRoom room(roomy(1));
  for (int i = 0; i < 6; ++i) room.join(fmt::format("user-{}", i));
  const auto before = position(room.ticket("user-5"));
  CHECK(before == 5);
  room.begin(roomy(1));
  CHECK(position(room.ticket("user-5")) == before);
  CHECK(position(room.ticket("user-3")) == 3);
  CHECK(room.order("user-5").status == 429);
  CHECK(position(room.join("late")) > before);
  room.shop->clock.set_wall(kNow + 5'000);
  CHECK(room.order("user-5").status == 202);
}

TEST_CASE("everybody is sent home at once when nothing can come back") {
  auto sale = roomy(1);
  sale.stock = 1;
  OpenRoom room(sale);
  room.join("ann");
  room.join("bob");
  REQUIRE(room.order("ann").status == 202);
  wait_read_back(*room.shop);
  // Ann may still give hers back.
  CHECK(room.ticket("bob").says(R"("inWaitingRoom":true)"));
  check_problem(room.order("bob"), 409, "sold-out");
  Stranger(room.log).write(ledger::Placed{.order = order_of("ann"), .sale = "mug"});
  Stranger(room.log).write(
      ledger::Paid{.order = order_of("ann"), .sale = "mug", .payment = "p", .amount = 9900});
  Reply reply;
  REQUIRE(eventually([&] { return (reply = room.ticket("bob")).status != 200; }));
  check_problem(reply, 410, "sold-out");
  CHECK(reply.header("Set-Cookie").find("sluice-ticket-mug=; Path=/; Max-Age=0") == 0);
}

TEST_CASE("a sale that has ended, one without a room, one that nobody knows") {
  OpenRoom room(roomy(1));
  check_problem(room.shop->ask("POST", "/v1/sales/cup/ticket"), 404, "no-such-sale");
  check_problem(room.shop->ask("POST", "/v1/sales/mug/ticket"), 401, "no-user");
  auto ended = roomy(1);
  ended.ends_at = kNow + 1'000;
  OpenRoom over(ended);
  over.join("ann");
  over.shop->clock.set_wall(kNow + 1'000);
  check_problem(over.ticket("ann"), 410, "sale-ended");
  Open plain;
  const auto reply = plain.shop.ask("POST", "/v1/sales/mug/ticket", "X-User-Id: ann\r\n");
  CHECK(reply.status == 200);
  CHECK(reply.says(R"("inWaitingRoom":false)"));
  CHECK(reply.header("Set-Cookie") == "");
}

TEST_CASE("tickets of one user are few") {
  OpenRoom room(roomy(1));
  for (int i = 0; i < 2; ++i) {
    room.join("ann");
    room.cookies.clear();
  }
  const auto reply = room.ticket("ann");
  check_problem(reply, 429, "rate-limited");
  CHECK(room.join("bob").status == 200);
}

TEST_CASE("without the log there is no room, and no order past it") {
  Open open(selling(roomy(1)));  // no topic, and the mock cluster creates none
  const auto reply = open.shop.ask("POST", "/v1/sales/mug/ticket", "X-User-Id: ann\r\n");
  check_problem(reply, 503, "waiting-room-busy");
  CHECK(reply.header("Retry-After") == "1");
  check_problem(open.shop.order("ann"), 503, "waiting-room-busy");
  CHECK(open.shop.available() == 10);
}

TEST_CASE("line records are read back, and what is wrong is refused by its field") {
  const LineRecord record{
      .secret = "s", .issued = 9, .shuffled = 4, .since = 5, .called = 6, .rate = 7};
  CHECK(decode_line_record(encode(record)) == record);
  CHECK(decode_line_record(encode({.secret = "s"})) == LineRecord{.secret = "s"});
  struct Row {
    LineRecord wrong;
    const char* field;
  };
  const Row rows[] = {
      {{.secret = ""}, "secret"},
      {{.secret = std::string(129, 'x')}, "secret"},
      {{.secret = "s", .issued = -1}, "issued"},
      {{.secret = "s", .issued = 3, .shuffled = 4}, "shuffled"},
      {{.secret = "s", .since = -1}, "since"},
      {{.secret = "s", .called = kMaxLineNumber + 1}, "called"},
      {{.secret = "s", .rate = 0}, "rate"},
      {{.secret = "s", .rate = 100'001}, "rate"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.field);
    const auto decoded = decode_line_record(encode(row.wrong));
    REQUIRE(!decoded);
    CHECK(decoded.error().context.find(row.field) != std::string::npos);
  }
  for (const char* text : {"", "[]", "{", "{}"}) CHECK(!decode_line_record(text));
}

}  // namespace sluice::frontend
