#include "worker/webhook_event.h"

#include <doctest/doctest.h>

#include <fstream>

#include <fmt/format.h>

#include "shared/base/base64.h"
#include "shared/ledger/codec.h"
#include "tests/support/temp_dir.h"
#include "worker/order_machine.h"
#include "worker/webhook_signature.h"

using namespace sluice;
using namespace sluice::worker;

namespace {

constexpr WallTime kNow{1'795'680'003'120};  // 2026-11-26T08:00:03.120Z

const std::string kOrder = ledger::order_id("phone", "ann", "slot:0");

ledger::Reserve reserve(std::int64_t epoch = 1) {
  return {.order = kOrder,
          .sale = "phone",
          .user = "ann",
          .quantity = 2,
          .unit_price = 500,
          .currency = "CNY",
          .reserved_at = 1'795'680'000'007,
          .deadline = 1'795'680'900'007,
          .epoch = epoch};
}

// A machine and the log it reads.
struct Log {
  OrderMachine machine{"seckill.orders", 2, Webhook::on};
  std::int64_t next = 0;

  std::vector<orders::Delivery> bytes(ByteView value) {
    PartitionWork work;
    machine.apply({next++, "k", value}, kNow, work);
    CHECK(work.deliveries.size() == work.orders.size() + work.changes.size());
    return work.deliveries;
  }
  std::vector<orders::Delivery> event(const ledger::Event& event) {
    return bytes(ledger::encode(event));
  }
};

Log opened() {
  Log log;
  CHECK(log.event(ledger::Epoch{.epoch = 1, .writer = "w"}).empty());
  CHECK(log.event(ledger::Sale{.sale = "phone", .stock = 10, .unit_price = 500, .currency = "CNY"})
            .empty());
  return log;
}

std::string body(std::string_view fact, std::string_view state, std::string_view more) {
  return fmt::format(
      R"({{"type":"order.{}","timestamp":"2026-11-26T08:00:03.120Z","data":{{"order_id":"{}",)"
      R"("sale":"phone","user":"ann","quantity":2,"unit_price":500,"currency":"CNY",)"
      R"("state":"{}","reserved_at":"2026-11-26T08:00:00.007Z",)"
      R"("expires_at":"2026-11-26T08:15:00.007Z"{}}}}})",
      fact, kOrder, state, more);
}

}  // namespace

TEST_CASE("each row that is made or changed is told of, once") {
  Log log = opened();
  const auto placed = log.event(reserve());
  REQUIRE(placed.size() == 1);
  CHECK(placed[0] == orders::Delivery{.id = kOrder + "-placed",
                                      .order_id = kOrder,
                                      .type = "order.placed",
                                      .body = body("placed", "placed", ""),
                                      .log_partition = 2,
                                      .log_offset = 2,
                                      .created_at = kNow.unix_millis,
                                      .due_at = kNow.unix_millis});
  CHECK(log.event(reserve()).empty());
  CHECK(log.event(ledger::Placed{.order = kOrder, .sale = "phone"}).empty());
  SUBCASE("paid") {
    const ledger::Paid paid{.order = kOrder, .sale = "phone", .payment = "p\"1", .amount = 1000};
    const auto told = log.event(paid);
    REQUIRE(told.size() == 1);
    CHECK(told[0].id == kOrder + "-paid");
    CHECK(told[0].log_offset == 5);
    CHECK(told[0].body == body("paid", "paid", R"(,"payment":"p\"1","amount":1000)"));
    CHECK(log.event(paid).empty());
  }
  SUBCASE("expired, and paid too late") {
    const auto expired = log.event(ledger::Expired{.order = kOrder, .sale = "phone"});
    REQUIRE(expired.size() == 1);
    CHECK(expired[0].body == body("expired", "expired", ""));
    const auto late = log.event(ledger::Paid{.order = kOrder, .sale = "phone", .payment = "p"});
    REQUIRE(late.size() == 1);
    CHECK(late[0].id == kOrder + "-refund_due");
    CHECK(late[0].body == body("refund_due", "expired", R"(,"reason":"refund_due","payment":"p")"));
    CHECK(log.event(ledger::Paid{.order = kOrder, .sale = "phone", .payment = "q"}).empty());
  }
  SUBCASE("cancelled") {
    const auto told = log.event(ledger::Cancelled{.order = kOrder, .sale = "phone"});
    REQUIRE(told.size() == 1);
    CHECK(told[0].body == body("cancelled", "cancelled", ""));
  }
  SUBCASE("rejected by somebody") {
    const auto told =
        log.event(ledger::Rejected{.order = kOrder, .sale = "phone", .why = "blocked"});
    REQUIRE(told.size() == 1);
    CHECK(told[0].body == body("rejected", "rejected", R"(,"reason":"blocked")"));
  }
}

TEST_CASE("a reserve that does not count is a rejection, told once") {
  Log log = opened();
  const auto told = log.event(reserve(9));
  REQUIRE(told.size() == 1);
  CHECK(told[0].body == body("rejected", "rejected", R"(,"reason":"stale_epoch")"));
  CHECK(
      log.event(ledger::Rejected{.order = kOrder, .sale = "phone", .why = "stale_epoch"}).empty());
  const auto late = log.event(ledger::Paid{.order = kOrder, .sale = "phone", .payment = "p"});
  REQUIRE(late.size() == 1);
  CHECK(late[0].type == "order.refund_due");
}

TEST_CASE("a reserve that nobody can read is a rejection, with what is known of it") {
  Log log = opened();
  const auto told = log.bytes(fmt::format(
      R"({{"type":"reserve","order":"{}","sale":"phone","user":"ann","quantity":"two"}})", kOrder));
  REQUIRE(told.size() == 1);
  CHECK(told[0].id == kOrder + "-rejected");
  CHECK(told[0].body.find("reserved_at") == std::string::npos);
  CHECK(log.bytes("no event").empty());
}

// The example of the specification, Standard Webhooks 1.0.0, and of its reference libraries.
TEST_CASE("the signature is the specification's") {
  const auto key = webhook_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  REQUIRE(key.has_value());
  const std::string right = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
  const auto sign = [](std::vector<std::string> keys) {
    return WebhookSigner(std::move(keys))
        .sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})");
  };
  CHECK(sign({*key}) == right);
  const std::string both = sign({std::string(32, 'k'), *key});
  CHECK(both.ends_with(" " + right));
  CHECK(both.size() == 2 * right.size() + 1);
}

TEST_CASE("a secret that is none is refused, with option and file") {
  const std::string whsec = "whsec_";
  CHECK(webhook_key(whsec + base64(std::string(24, 'x'))).has_value());
  CHECK(webhook_key(whsec + base64(std::string(64, 'x'))).has_value());
  for (const std::string& wrong :
       {std::string(), whsec, std::string(32, 'x'), whsec + base64(std::string(23, 'x')),
        whsec + base64(std::string(65, 'x')), whsec + "****", base64(std::string(32, 'x'))}) {
    CAPTURE(wrong);
    CHECK_FALSE(webhook_key(wrong).has_value());
  }
  tests::TempDir dir;
  const std::string path = dir.path() + "/secret";
  std::ofstream(path) << whsec + base64(std::string(32, 'x')) + "\r\n";
  CHECK(read_webhook_secrets({path}).has_value());
  const auto missing = read_webhook_secrets({path, dir.path() + "/nowhere"});
  REQUIRE_FALSE(missing.has_value());
  CHECK(missing.error().context.starts_with("webhook_secret_files: " + dir.path() + "/nowhere"));
}
