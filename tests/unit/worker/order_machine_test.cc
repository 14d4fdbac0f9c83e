#include "worker/order_machine.h"

#include <doctest/doctest.h>

#include "shared/ledger/codec.h"

using namespace sluice;
using namespace sluice::worker;
using ledger::OrderState;

namespace {

constexpr WallTime kNow{1'000'000};

std::string id_of(const std::string& user) {
  return ledger::order_id("phone", user, "slot:0");
}

ledger::Sale sale(std::int64_t stock) {
  return {.sale = "phone", .stock = stock, .unit_price = 500, .currency = "CNY"};
}

ledger::Reserve reserve(const std::string& user, std::int64_t epoch = 1) {
  return {.order = id_of(user),
          .sale = "phone",
          .user = user,
          .quantity = 1,
          .unit_price = 500,
          .currency = "CNY",
          .reserved_at = 900'000,
          .deadline = 2'000'000,
          .epoch = epoch};
}

// A machine and the log it reads, record by record.
struct Log {
  OrderMachine machine{"seckill.orders", 2};
  std::int64_t next = 0;

  PartitionWork bytes(std::optional<ByteView> value, std::optional<ByteView> key = "k") {
    PartitionWork work;
    machine.apply({next++, key, value}, kNow, work);
    return work;
  }
  PartitionWork event(const ledger::Event& event) { return bytes(ledger::encode(event)); }
};

Log opened(std::int64_t stock = 10) {
  Log log;
  log.event(ledger::Epoch{.epoch = 1, .writer = "w"});
  log.event(sale(stock));
  return log;
}

void check_only_offset(const PartitionWork& work, std::int64_t next_offset) {
  CHECK(work.orders.empty());
  CHECK(work.changes.empty());
  CHECK(work.outbox.empty());
  CHECK(work.next_offset == next_offset);
}

}  // namespace

TEST_CASE("epochs and sales only move the offset") {
  Log log;
  check_only_offset(log.event(ledger::Epoch{.epoch = 1, .writer = "w"}), 1);
  check_only_offset(log.event(sale(5)), 2);
}

TEST_CASE("a reserve behind the record that closed its sale has a rejected row") {
  Log log;
  log.event(ledger::Epoch{.epoch = 1, .writer = "w"});
  auto closed = sale(5);
  closed.epoch = 1;
  log.event(closed);
  closed.closed = true;
  closed.change = "close";
  check_only_offset(log.event(closed), 3);
  const PartitionWork work = log.event(reserve("ann"));
  REQUIRE(work.orders.size() == 1);
  CHECK(work.orders[0].state == OrderState::rejected);
  CHECK(work.orders[0].reason == "ended");
  REQUIRE(work.outbox.size() == 1);
  CHECK(*ledger::decode(*work.outbox[0].value) ==
        ledger::Event(ledger::Rejected{.order = id_of("ann"), .sale = "phone", .why = "ended"}));
}

TEST_CASE("which orders have no answer on the log yet is known at every offset") {
  Log log = opened();
  CHECK(log.machine.unanswered() == 0);
  log.event(reserve("ann"));
  log.event(reserve("bob", 9));  // void
  log.event(reserve("ann"));     // seen before
  log.bytes("{\"type\":\"reserve\"");
  CHECK(log.machine.unanswered() == 2);
  log.event(ledger::Placed{.order = id_of("ann"), .sale = "phone"});
  CHECK(log.machine.unanswered() == 1);
  log.event(ledger::Rejected{.order = id_of("bob"), .sale = "phone", .why = "void"});
  CHECK(log.machine.unanswered() == 0);
  PartitionWork work = log.event(reserve("cid"));
  log.machine.finish(work);
  CHECK(work.fold.unanswered == 1);
  CHECK(OrderMachine::resume("t", 2, Webhook::off, {.next_offset = log.next, .fold = work.fold})
            ->unanswered() == 1);
  log.event(ledger::Cancelled{.order = id_of("cid"), .sale = "phone"});
  CHECK(log.machine.unanswered() == 1);
  log.event(ledger::Placed{.order = id_of("cid"), .sale = "phone"});
  CHECK(log.machine.unanswered() == 0);
}

TEST_CASE("a payment that comes too late is in the row") {
  Log log = opened();
  log.event(reserve("ann"));
  log.event(ledger::Expired{.order = id_of("ann"), .sale = "phone"});
  const ledger::Paid paid{.order = id_of("ann"), .sale = "phone", .payment = "p", .amount = 500};
  const PartitionWork late = log.event(paid);
  REQUIRE(late.changes.size() == 1);
  CHECK(late.changes[0] == OrderChange{.order_id = id_of("ann"),
                                       .state = OrderState::expired,
                                       .reason = "refund_due"});
  check_only_offset(log.event(paid), 6);
  SUBCASE("of a rejected order, beside why") {
    log.event(reserve("bob"));
    log.event(ledger::Rejected{.order = id_of("bob"), .sale = "phone", .why = "blocked"});
    const PartitionWork work = log.event(ledger::Paid{.order = id_of("bob"), .sale = "phone"});
    REQUIRE(work.changes.size() == 1);
    CHECK(work.changes[0].reason == "refund_due: blocked");
  }
  SUBCASE("of a void order, whose row is rejected") {
    log.event(reserve("cid", 9));
    const PartitionWork work = log.event(ledger::Paid{.order = id_of("cid"), .sale = "phone"});
    REQUIRE(work.changes.size() == 1);
    CHECK(work.changes[0].state == OrderState::rejected);
    CHECK(work.changes[0].reason == "refund_due: stale_epoch");
  }
}

TEST_CASE("a valid reserve is placed and answered") {
  Log log = opened();
  const PartitionWork work = log.event(reserve("ann"));
  REQUIRE(work.orders.size() == 1);
  CHECK(work.orders[0] == OrderRow{.order_id = id_of("ann"),
                                   .sale = "phone",
                                   .user_id = "ann",
                                   .quantity = 1,
                                   .unit_price = 500,
                                   .currency = "CNY",
                                   .state = OrderState::placed,
                                   .reserved_at = 900'000,
                                   .deadline = 2'000'000,
                                   .placed_at = 1'000'000,
                                   .log_partition = 2,
                                   .log_offset = 2});
  REQUIRE(work.outbox.size() == 1);
  CHECK(work.outbox[0].id == OutboxKey{2, 2, 0});
  CHECK(work.outbox[0].topic == "seckill.orders");
  CHECK(work.outbox[0].partition == 2);
  CHECK(work.outbox[0].key == id_of("ann"));
  CHECK(*ledger::decode(*work.outbox[0].value) ==
        ledger::Event(ledger::Placed{.order = id_of("ann"), .sale = "phone"}));
  CHECK(work.next_offset == 3);
}

TEST_CASE("a void reserve is rejected with the reason") {
  struct Case {
    const char* why;
    std::int64_t stock;
    ledger::Reserve reserve;
  };
  ledger::Reserve elsewhere = reserve("ann");
  elsewhere.sale = "pad";
  for (const Case& c : {Case{"stale_epoch", 10, reserve("ann", 7)},
                        Case{"no_stock", 0, reserve("ann")}, Case{"unknown_sale", 10, elsewhere}}) {
    CAPTURE(c.why);
    Log log = opened(c.stock);
    const PartitionWork work = log.event(c.reserve);
    REQUIRE(work.orders.size() == 1);
    CHECK(work.orders[0].state == OrderState::rejected);
    CHECK(work.orders[0].reason == c.why);
    REQUIRE(work.outbox.size() == 1);
    CHECK(*ledger::decode(*work.outbox[0].value) ==
          ledger::Event(
              ledger::Rejected{.order = id_of("ann"), .sale = c.reserve.sale, .why = c.why}));
  }
}

TEST_CASE("an old frontend's reserve after the new one's epoch is rejected") {
  Log log = opened();
  log.event(ledger::Epoch{.epoch = 2, .writer = "v"});
  CHECK(log.event(reserve("ann", 1)).orders.at(0).state == OrderState::rejected);
  CHECK(log.event(reserve("bob", 2)).orders.at(0).state == OrderState::placed);
}

TEST_CASE("a reserve seen before asks for nothing, whatever became of the first") {
  Log log = opened(1);
  log.event(reserve("ann"));
  check_only_offset(log.event(reserve("ann")), 4);
  log.event(reserve("bob"));  // no_stock
  check_only_offset(log.event(reserve("bob")), 6);
}

TEST_CASE("records before the next offset change nothing") {
  Log log = opened();
  const std::string record = ledger::encode(reserve("ann"));
  PartitionWork work;
  log.machine.apply({2, "k", record}, kNow, work);
  log.machine.apply({2, "k", record}, kNow, work);
  log.machine.apply({0, "k", record}, kNow, work);
  CHECK(work.orders.size() == 1);
  CHECK(work.next_offset == 3);
}

TEST_CASE("our own outcomes come back and ask for nothing") {
  Log log = opened(1);
  log.event(reserve("ann"));
  log.event(reserve("bob"));
  check_only_offset(log.event(ledger::Placed{id_of("ann"), "phone"}), 5);
  check_only_offset(log.event(ledger::Rejected{id_of("bob"), "phone", "no_stock"}), 6);
}

TEST_CASE("later facts change the row once") {
  struct Case {
    ledger::Event event;
    OrderState state;
    const char* reason;
  };
  const std::string ann = id_of("ann");
  for (const Case& c :
       {Case{ledger::Paid{ann, "phone"}, OrderState::paid, ""},
        Case{ledger::Cancelled{ann, "phone"}, OrderState::cancelled, ""},
        Case{ledger::Expired{ann, "phone"}, OrderState::expired, ""},
        Case{ledger::Rejected{ann, "phone", "by hand"}, OrderState::rejected, "by hand"}}) {
    Log log = opened();
    log.event(reserve("ann"));
    const PartitionWork work = log.event(c.event);
    CHECK(work.changes == std::vector<OrderChange>{{ann, c.state, c.reason}});
    CHECK(work.orders.empty());
    check_only_offset(log.event(c.event), 5);
  }
}

TEST_CASE("facts about orders that nobody reserved ask for nothing") {
  Log log = opened();
  check_only_offset(log.event(ledger::Paid{id_of("eve"), "phone"}), 3);
}

TEST_CASE("an unreadable record becomes a dead letter that says from where and why") {
  Log log = opened();
  const std::string bytes("\x00\xff{", 3);
  const PartitionWork work = log.bytes(bytes, "some key");
  CHECK(work.orders.empty());
  REQUIRE(work.outbox.size() == 1);
  const OutboxRow& letter = work.outbox[0];
  CHECK(letter.id == OutboxKey{2, 2, 1});
  CHECK(letter.topic == "dlq.seckill.orders");
  CHECK(letter.partition == -1);
  CHECK(letter.key == "some key");
  CHECK(letter.value == bytes);
  REQUIRE(letter.headers.size() == 5);
  CHECK(letter.headers[0] == client::Header{"__dlq.errors.topic", "seckill.orders"});
  CHECK(letter.headers[1] == client::Header{"__dlq.errors.partition", "2"});
  CHECK(letter.headers[2] == client::Header{"__dlq.errors.offset", "2"});
  CHECK(letter.headers[3] == client::Header{"__dlq.errors.code", "corrupt"});
  CHECK(letter.headers[4].value->find("not JSON") != std::string::npos);
  CHECK(log.event(reserve("ann")).orders.size() == 1);
}

TEST_CASE("a dead letter keeps the headers of its record, but for those of an earlier letter") {
  Log log = opened();
  const std::vector<client::HeaderView> headers = {{"trace", "t1"},
                                                   {"__dlq.errors.topic", "elsewhere"},
                                                   {"none", std::nullopt},
                                                   {"__dlq.redrive.attempts", "3"}};
  PartitionWork work;
  log.machine.apply({log.next, "k", "poison", headers}, kNow, work);
  REQUIRE(work.outbox.size() == 1);
  const OutboxRow& letter = work.outbox[0];
  REQUIRE(letter.headers.size() == 8);
  CHECK(letter.headers[0] == client::Header{"__dlq.errors.topic", "seckill.orders"});
  CHECK(letter.headers[5] == client::Header{"trace", "t1"});
  CHECK(letter.headers[6] == client::Header{"none", std::nullopt});
  CHECK(letter.headers[7] == client::Header{"__dlq.redrive.attempts", "3"});
}

TEST_CASE("a dead letter of a record that is too large says where it is, and no more") {
  const std::string limit(kMaxLetterCopyBytes - 1, 'x');  // the key is "k"
  Log log = opened();
  CHECK(log.bytes(limit).outbox[0].value == limit);
  for (const bool in_header : {false, true}) {
    const std::string large(in_header ? limit.size() - 3 : limit.size() + 1, 'x');
    const std::vector<client::HeaderView> headers = {{"name", in_header ? large : "v"},
                                                     {"__dlq.redrive.attempts", "2"},
                                                     {"__dlq.redrive.attempts", large}};
    PartitionWork work;
    log.machine.apply({log.next++, "k", in_header ? "" : large, headers}, kNow, work);
    REQUIRE(work.outbox.size() == 1);
    const OutboxRow& letter = work.outbox[0];
    CHECK_FALSE(letter.key.has_value());
    CHECK_FALSE(letter.value.has_value());
    REQUIRE(letter.headers.size() == 6);
    CHECK(letter.headers[2].value == std::to_string(log.next - 1));
    CHECK(letter.headers[5] == client::Header{"__dlq.redrive.attempts", "2"});
    CHECK(letter.headers[4].value->find("too large for a copy") != std::string::npos);
  }
}

TEST_CASE("neither a tombstone nor an unknown type is skipped silently") {
  Log log = opened();
  const PartitionWork tombstone = log.bytes(std::nullopt);
  REQUIRE(tombstone.outbox.size() == 1);
  CHECK_FALSE(tombstone.outbox[0].value.has_value());
  const PartitionWork unknown = log.bytes(R"({"type":"gift"})", std::nullopt);
  REQUIRE(unknown.outbox.size() == 1);
  CHECK_FALSE(unknown.outbox[0].key.has_value());
  CHECK(unknown.outbox[0].headers[3].value == "unsupported");
}

TEST_CASE("an unreadable reserve whose order can be read is rejected, dead-lettered and answered") {
  Log log = opened();
  const std::string broken = R"({"type":"reserve","order":")" + id_of("ann") +
                             R"(","sale":"phone","user":"ann","quantity":0})";
  const PartitionWork work = log.bytes(broken);
  REQUIRE(work.orders.size() == 1);
  CHECK(work.orders[0].state == OrderState::rejected);
  CHECK(work.orders[0].user_id == "ann");
  CHECK(work.orders[0].reason.starts_with("malformed: field \"quantity\""));
  REQUIRE(work.outbox.size() == 2);
  CHECK(work.outbox[0].topic == "dlq.seckill.orders");
  CHECK(work.outbox[1].topic == "seckill.orders");
  const auto answer = ledger::decode(*work.outbox[1].value);
  REQUIRE(answer.has_value());
  CHECK(std::get<ledger::Rejected>(*answer).order == id_of("ann"));

  // Its row and its answer are there.
  CHECK(log.bytes(broken).orders.empty());
  // A sound one takes the row's place; the answer to the other frees its units.
  const PartitionWork sound = log.event(reserve("ann"));
  REQUIRE(sound.orders.size() == 1);
  CHECK(sound.orders[0].state == OrderState::placed);
  CHECK(sound.replaced == std::vector<std::string>{id_of("ann")});
  CHECK(log.machine.fold().available("phone") == 9);
  const PartitionWork rejected = log.event(*answer);
  REQUIRE(rejected.changes.size() == 1);
  CHECK(rejected.changes[0].state == OrderState::rejected);
  CHECK(log.machine.fold().available("phone") == 10);
}

TEST_CASE("an unreadable reserve and the sound one in a stretch make one row") {
  Log log = opened();
  PartitionWork work;
  const std::string broken =
      R"({"type":"reserve","order":")" + id_of("ann") + R"(","sale":"phone","user":"ann"})";
  const std::string sound = ledger::encode(ledger::Event(reserve("ann")));
  log.machine.apply({2, "k", broken}, kNow, work);
  log.machine.apply({3, "k", sound}, kNow, work);
  REQUIRE(work.orders.size() == 1);
  CHECK(work.orders[0].state == OrderState::placed);
  CHECK(work.replaced == std::vector<std::string>{id_of("ann")});
}

TEST_CASE("an unreadable record does not harm the order that it names") {
  Log log = opened();
  log.event(reserve("ann"));
  const PartitionWork work = log.bytes(R"({"type":"reserve","order":")" + id_of("ann") +
                                       R"(","sale":"phone","user":"ann","quantity":"x"})");
  CHECK(work.orders.empty());
  CHECK(work.outbox.size() == 1);
}

TEST_CASE("a machine goes on from what another one has written, with the last record") {
  Log log = opened(3);
  PartitionWork work = log.event(reserve("ann"));
  log.machine.finish(work);
  REQUIRE(work.sales.size() == 1);
  const StoredFold stored{.next_offset = 3, .fold = work.fold, .sales = work.sales};
  const auto resume = [&stored] {
    auto machine = OrderMachine::resume("seckill.orders", 2, Webhook::off, stored);
    REQUIRE(machine);
    return std::move(*machine);
  };
  OrderMachine machine = resume();
  CHECK(machine.start() == 2);
  CHECK(machine.next_offset() == 3);
  CHECK(machine.unpaid() == 1);
  CHECK(machine.fold().available("phone") == 2);
  CHECK(machine.fold().epoch() == ledger::Epoch{.epoch = 1, .writer = "w"});
  const std::string last = ledger::encode(ledger::Event(reserve("ann")));
  CHECK(machine.goes_on({2, "k", last}));
  CHECK_FALSE(resume().goes_on({2, "other key", last}));
  CHECK_FALSE(resume().goes_on({3, "k", last}));

  const std::string paid = ledger::encode(ledger::Event(ledger::Paid{id_of("ann"), "phone"}));
  const LogRecord record{3, "k", paid};
  CHECK(machine.order_to_recall(record) == id_of("ann"));
  REQUIRE(machine.recall(work.orders[0]));
  PartitionWork next;
  machine.apply(record, kNow, next);
  CHECK(next.changes == std::vector<OrderChange>{{id_of("ann"), OrderState::paid, ""}});
  CHECK(machine.unpaid() == 0);
}

TEST_CASE("what is stored and cannot be read is told") {
  const auto resume = [](StoredFold stored) {
    return OrderMachine::resume("t", 2, Webhook::off, stored);
  };
  StoredFold stored{.next_offset = 3, .fold = {.epoch = R"({"type":"sale","sale":"phone"})"}};
  CHECK(resume(stored).error().code == Code::corrupt);
  stored.fold.epoch = R"({"type":"epoch","epoch":1,"writer":"w"})";
  CHECK(resume(stored));
  stored.sales = {{"phone", "{}"}};
  CHECK(resume(stored).error().code == Code::corrupt);
}

TEST_CASE("a row whose state somebody has made up is told") {
  Log log = opened();
  const auto recalled = log.machine.recall({.order_id = id_of("ann"),
                                            .sale = "phone",
                                            .quantity = 1,
                                            .state = orders::state_named("shipped"),
                                            .log_partition = 2});
  REQUIRE_FALSE(recalled);
  CHECK(recalled.error().code == Code::corrupt);
  CHECK(recalled.error().context.find(id_of("ann")) != std::string::npos);
}

TEST_CASE("a row of a sale that is not known is told, one of another partition is not ours") {
  OrderMachine machine("t", 2);
  OrderRow row{.order_id = id_of("ann"), .sale = "phone", .quantity = 1, .log_partition = 2};
  const auto recalled = machine.recall(row);
  REQUIRE_FALSE(recalled);
  CHECK(recalled.error().code == Code::corrupt);
  CHECK(recalled.error().context.find("phone") != std::string::npos);
  row.log_partition = 3;
  CHECK(machine.recall(row));
  CHECK(machine.fold().order_count() == 0);
}

TEST_CASE("records that name no order that the table may have recall none") {
  Log log = opened();
  const auto asks = [&log](std::optional<ByteView> value) {
    return log.machine.order_to_recall({log.next, "k", value});
  };
  for (const ledger::Event& event :
       {ledger::Event(ledger::Epoch{.epoch = 2, .writer = "w"}), ledger::Event(sale(1)),
        ledger::Event(ledger::Placed{id_of("ann"), "phone"})}) {
    CHECK_FALSE(asks(ledger::encode(event)).has_value());
  }
  CHECK_FALSE(asks(std::nullopt).has_value());
  CHECK_FALSE(asks("poison").has_value());
  CHECK(asks(ledger::encode(ledger::Event(reserve("ann")))) == id_of("ann"));
  CHECK(asks(R"({"type":"reserve","order":")" + id_of("ann") + R"(","sale":"phone"})") ==
        id_of("ann"));
}
