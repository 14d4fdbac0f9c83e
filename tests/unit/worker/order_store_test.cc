#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <fmt/format.h>
#include <soci/soci.h>
#include <unistd.h>

#include "shared/orders/delivery_store.h"
#include "shared/orders/session.h"
#include "tests/support/temp_dir.h"
#include "worker/order_store_soci.h"

using namespace sluice;
using namespace sluice::worker;
using ledger::OrderState;

namespace {

// A database that is empty at first: a file, or one on the server that SLUICE_TEST_DATABASE names
// (by the URL of a database there that one may be made from).
class TestDatabase {
 public:
  TestDatabase() {
    const char* server = std::getenv("SLUICE_TEST_DATABASE");
    if (server == nullptr) return;
    const std::string text = server;
    server_ = text;
    static int count = 0;
    name_ = fmt::format("sluice_{}_{}", getpid(), ++count);
    administer("CREATE DATABASE " + name_);
    const auto query = text.find('?');
    const auto slash = text.rfind('/', query == std::string::npos ? text.size() : query);
    url =
        text.substr(0, slash + 1) + name_ + (query == std::string::npos ? "" : text.substr(query));
  }
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;
  ~TestDatabase() {
    if (!name_.empty()) administer("DROP DATABASE " + name_);
  }

  void administer_own(const std::string& statement) {
    const auto parsed = orders::parse_database(url);
    REQUIRE(parsed);
    soci::session sql;
    orders::open_session(sql, *parsed, orders::Access::write);
    sql << statement;
  }

  std::unique_ptr<orders::DeliveryStore> open_deliveries() {
    auto store = orders::DeliveryStore::open(url);
    REQUIRE_MESSAGE(store.has_value(), (store ? "" : store.error().context));
    return std::move(*store);
  }

  std::unique_ptr<SociOrderStore> open() {
    auto store = SociOrderStore::open(url, "seckill.orders");
    REQUIRE_MESSAGE(store.has_value(), (store ? "" : store.error().context));
    return std::move(*store);
  }
  bool on_server() const { return !name_.empty(); }

  tests::TempDir dir;
  std::string url = "sqlite:" + dir.path() + "/new folder/orders.db";

 private:
  void administer(const std::string& statement) {
    const auto parsed = orders::parse_database(server_);
    REQUIRE(parsed);
    soci::session sql(parsed->kind == orders::DatabaseKind::mysql ? "mysql" : "postgresql",
                      parsed->connection);
    sql << statement;
  }

  std::string server_;
  std::string name_;
};

OrderRow order(const std::string& id, std::int64_t offset) {
  return {.order_id = id,
          .sale = "phone",
          .user_id = "用户-1 'quoted'",
          .quantity = 2,
          .unit_price = 999'999'999'999'999,
          .currency = "CNY",
          .state = OrderState::placed,
          .reserved_at = 1'700'000'000'001,
          .deadline = 1'700'000'900'001,
          .placed_at = 1'700'000'000'002,
          .log_partition = 3,
          .log_offset = offset};
}

OutboxRow letter(std::int64_t offset, std::int32_t part) {
  return {.id = {3, offset, part},
          .topic = "seckill.orders",
          .partition = 3,
          .key = "key",
          .value = R"({"type":"placed"})"};
}

PartitionWork work_of(const Claim& claim, std::int64_t next, std::vector<OrderRow> orders) {
  PartitionWork work{.partition = 3, .claim = claim, .next_offset = next};
  work.orders = std::move(orders);
  return work;
}

Result<void> commit(OrderStore& store, PartitionWork work) {
  return store.commit(std::span(&work, 1));
}

Claim claim_of(OrderStore& store, std::int32_t partition = 3) {
  const auto claim = store.claim(partition);
  REQUIRE_MESSAGE(claim.has_value(), (claim ? "" : claim.error().context));
  return *claim;
}

}  // namespace

TEST_CASE("rows and position are there after a reopen") {
  TestDatabase database;
  {
    auto store = database.open();
    const Claim claim = claim_of(*store);
    CHECK(claim.next_offset == 0);
    const auto done = commit(*store, work_of(claim, 7, {order("a", 5), order("b", 6)}));
    REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().context));
  }
  auto store = database.open();
  CHECK(claim_of(*store).next_offset == 7);
  CHECK(claim_of(*store, 4).next_offset == 0);
  CHECK(*store->order_count() == 2);
  const auto found = store->find_order("a");
  REQUIRE(found.has_value());
  REQUIRE(found->has_value());
  CHECK(**found == order("a", 5));
  CHECK_FALSE(store->find_order("c")->has_value());
}

TEST_CASE("a replay makes no second row and keeps the first") {
  TestDatabase database;
  auto store = database.open();
  Claim claim = claim_of(*store);
  REQUIRE(commit(*store, work_of(claim, 1, {order("a", 0)})));
  claim.next_offset = 1;
  OrderRow later = order("a", 1);
  later.user_id = "somebody else";
  REQUIRE(commit(*store, work_of(claim, 2, {later, order("a", 1), order("b", 1)})));
  CHECK(*store->order_count() == 2);
  CHECK(**store->find_order("a") == order("a", 0));
}

TEST_CASE("a claim stands while the database holds its very position") {
  TestDatabase database;
  auto store = database.open();
  const Claim claim = claim_of(*store);
  const Claim other = claim_of(*store, 4);
  CHECK(store->confirm({{3, claim}, {4, other}}));
  REQUIRE(commit(*store, work_of(claim, 2, {order("a", 0)})));
  const Claim moved{.next_offset = 2, .fence = claim.fence};
  CHECK(store->confirm({{3, moved}, {4, other}}));
  const auto ahead = store->confirm({{3, {.next_offset = 3, .fence = claim.fence}}, {4, other}});
  REQUIRE_FALSE(ahead.has_value());
  CHECK(ahead.error().code == Code::fenced);
  claim_of(*store);
  CHECK(store->confirm({{3, moved}}).error().code == Code::fenced);
  CHECK(store->confirm({{5, {.next_offset = 0, .fence = 1}}}).error().code == Code::fenced);
}

TEST_CASE("an owner that lost the partition writes nothing") {
  TestDatabase database;
  auto old_store = database.open();
  auto new_store = database.open();
  const Claim old_claim = claim_of(*old_store);
  const Claim new_claim = claim_of(*new_store);
  CHECK(new_claim.fence > old_claim.fence);

  PartitionWork work = work_of(old_claim, 1, {order("a", 0)});
  work.outbox = {letter(0, 0)};
  const auto refused = commit(*old_store, work);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::fenced);
  CHECK(*new_store->order_count() == 0);
  CHECK(new_store->outbox(3)->empty());
  CHECK(commit(*new_store, work_of(new_claim, 1, {order("a", 0)})));
}

TEST_CASE("the same stretch is not written twice") {
  TestDatabase database;
  auto store = database.open();
  const Claim claim = claim_of(*store);
  REQUIRE(commit(*store, work_of(claim, 1, {order("a", 0)})));
  const auto again = commit(*store, work_of(claim, 1, {order("b", 0)}));
  REQUIRE_FALSE(again);
  CHECK(again.error().code == Code::fenced);
  CHECK(*store->order_count() == 1);
}

TEST_CASE("one fenced partition undoes the whole transaction") {
  TestDatabase database;
  auto store = database.open();
  const Claim good = claim_of(*store, 3);
  Claim bad = claim_of(*store, 4);
  bad.fence -= 1;
  PartitionWork other = work_of(bad, 1, {order("b", 0)});
  other.partition = 4;
  const std::vector<PartitionWork> works{work_of(good, 1, {order("a", 0)}), other};
  CHECK(store->commit(works).error().code == Code::fenced);
  CHECK(*store->order_count() == 0);
  CHECK(claim_of(*store, 3).next_offset == 0);
}

TEST_CASE("a stretch without an order moves nothing and is no other owner's") {
  TestDatabase database;
  auto store = database.open();
  const Claim claim = claim_of(*store);
  for (int i = 0; i < 2; ++i) {
    const auto done = commit(*store, work_of(claim, claim.next_offset, {}));
    CHECK_MESSAGE(done.has_value(), (done ? "" : done.error().context));
  }
}

TEST_CASE("a row that does not fit is an error, and nothing of its stretch is there") {
  TestDatabase database;
  if (!database.on_server()) return;  // SQLite takes any length
  auto store = database.open();
  const Claim claim = claim_of(*store);
  OrderRow long_one = order("b", 1);
  long_one.currency = "more than eight bytes";
  const auto done = commit(*store, work_of(claim, 2, {order("a", 0), long_one}));
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Code::unavailable);
  CHECK(*store->order_count() == 0);
  CHECK(claim_of(*store).next_offset == 0);
}

TEST_CASE("ids that differ in case only are two orders") {
  TestDatabase database;
  auto store = database.open();
  REQUIRE(commit(*store, work_of(claim_of(*store), 2, {order("a", 0), order("A", 1)})));
  CHECK(*store->order_count() == 2);
}

TEST_CASE("later facts change the row") {
  TestDatabase database;
  auto store = database.open();
  PartitionWork work = work_of(claim_of(*store), 2, {order("a", 0)});
  work.changes = {{"a", OrderState::cancelled, "by user"}, {"nobody", OrderState::paid, ""}};
  REQUIRE(commit(*store, work));
  const auto found = store->find_order("a");
  REQUIRE(found->has_value());
  CHECK((*found)->state == OrderState::cancelled);
  CHECK((*found)->reason == "by user");
}

TEST_CASE("the outbox keeps bytes and order, and rows go when they are sent") {
  TestDatabase database;
  auto store = database.open();
  Claim claim = claim_of(*store);
  OutboxRow dead{.id = {3, 5, 1},
                 .topic = "dlq.seckill.orders",
                 .key = std::nullopt,
                 .value = Buffer("\x00\xff hex: é\n", 12),
                 .headers = {{"offset", "5"},
                             {"error", "a=b\nc"},
                             {"none", std::nullopt},
                             {"empty", ""},
                             {"a=b", "c"},
                             {"\n", "d"},
                             {"=", std::nullopt},
                             {"", "e"},
                             {"hex:00", "f"}}};
  OutboxRow tombstone{.id = {3, 6, 1}, .topic = "dlq.seckill.orders", .key = "", .headers = {}};
  OutboxRow prefixed{.id = {3, 7, 0},
                     .topic = "seckill.orders",
                     .partition = 3,
                     .key = "hex:00",
                     .value = "hex:zz"};
  PartitionWork work = work_of(claim, 8, {});
  work.outbox = {prefixed, tombstone, dead, letter(5, 0)};
  REQUIRE(commit(*store, work));

  auto reopened = database.open();
  CHECK(*reopened->outbox(3) == std::vector<OutboxRow>{letter(5, 0), dead, tombstone, prefixed});
  CHECK(reopened->outbox(4)->empty());

  claim.next_offset = 8;
  PartitionWork next = work_of(claim, 9, {});
  next.sent = {{3, 5, 1}};
  REQUIRE(commit(*store, next));
  const std::vector<OutboxKey> sent{{3, 6, 1}, {3, 7, 0}, {3, 99, 0}};
  REQUIRE(store->forget(sent));
  CHECK(*reopened->outbox(3) == std::vector<OutboxRow>{letter(5, 0)});
}

TEST_CASE("what the records have come to is stored with them, sale by sale") {
  TestDatabase database;
  auto store = database.open();
  Claim claim = claim_of(*store);
  CHECK_FALSE(store->fold(3)->has_value());
  PartitionWork work = work_of(claim, 5, {order("a", 0)});
  work.fold = {.epoch = R"({"type":"epoch"})", .last_record = ~0ULL, .unanswered = 7};
  work.sales = {{"phone", "one"}, {"pad", "用户 'quoted'"}};
  REQUIRE(commit(*store, work));
  const auto stored = store->fold(3);
  REQUIRE_MESSAGE(stored.has_value(), (stored ? "" : stored.error().context));
  REQUIRE(stored->has_value());
  CHECK((*stored)->next_offset == 5);
  CHECK((*stored)->fold == work.fold);
  CHECK((*stored)->sales.size() == 2);

  claim.next_offset = 5;
  PartitionWork next = work_of(claim, 6, {});
  next.fold = {.last_record = 1};
  next.sales = {{"phone", "two"}, {"watch", "three"}};
  REQUIRE(commit(*database.open(), next));
  auto changed = *store->fold(3);
  std::ranges::sort(changed->sales, {}, &SaleRow::sale);
  CHECK(*changed ==
        StoredFold{.next_offset = 6,
                   .fold = next.fold,
                   .sales = {{"pad", "用户 'quoted'"}, {"phone", "two"}, {"watch", "three"}}});
  CHECK_FALSE(store->fold(4)->has_value());
  CHECK_FALSE(commit(*store, next));
}

TEST_CASE("orders are found by their ids, however many are asked for") {
  TestDatabase database;
  auto store = database.open();
  OrderRow paid = order("b", 1);
  paid.log_partition = 4;
  PartitionWork work = work_of(claim_of(*store), 2, {order("a", 0), paid});
  work.changes = {{"b", OrderState::paid, "why"}};
  REQUIRE(commit(*store, work));
  paid.state = OrderState::paid;
  paid.reason = "why";
  std::vector<std::string> ids(2'500, "none");
  ids.front() = "a";
  ids.back() = "b";
  auto found = store->find(ids);
  REQUIRE_MESSAGE(found.has_value(), (found ? "" : found.error().context));
  std::ranges::sort(*found, {}, &OrderRow::order_id);
  CHECK(*found == std::vector<OrderRow>{order("a", 0), paid});
  CHECK(store->find({})->empty());
}

TEST_CASE("a row gives way to the one that takes its place") {
  TestDatabase database;
  auto store = database.open();
  Claim claim = claim_of(*store);
  REQUIRE(commit(*store, work_of(claim, 1, {order("a", 0), order("b", 0)})));
  claim.next_offset = 1;
  PartitionWork work = work_of(claim, 2, {order("a", 1)});
  work.replaced = {"a"};
  REQUIRE(commit(*store, work));
  CHECK(**store->find_order("a") == order("a", 1));
  CHECK(*store->order_count() == 2);
}

TEST_CASE("the unpaid orders of a partition, the first due first") {
  TestDatabase database;
  auto store = database.open();
  std::vector<OrderRow> rows;
  const auto add = [&rows](const std::string& id, std::int32_t partition, std::int64_t deadline) {
    rows.push_back(order(id, 0));
    rows.back().log_partition = partition;
    rows.back().deadline = deadline;
  };
  add("late", 3, 30);
  add("soon", 3, 10);
  add("other", 4, 20);
  add("never", 3, 0);
  add("paid", 3, 1);
  PartitionWork work = work_of(claim_of(*store), 1, rows);
  work.changes = {{"paid", OrderState::paid, ""}};
  REQUIRE(commit(*store, work));
  const auto found = store->unpaid(3, 10);
  REQUIRE_MESSAGE(found.has_value(), (found ? "" : found.error().context));
  CHECK(*found == std::vector<Unpaid>{{"soon", "phone", 10}, {"late", "phone", 30}});
  CHECK(store->unpaid(3, 1)->size() == 1);
  CHECK(store->unpaid(5, 10)->empty());
}

TEST_CASE("a fold that was not gone on from leaves no sale of before") {
  TestDatabase database;
  auto store = database.open();
  Claim claim = claim_of(*store);
  PartitionWork work = work_of(claim, 5, {});
  work.sales = {{"phone", "one"}, {"of the future", "two"}};
  REQUIRE(commit(*store, work));
  claim.next_offset = 5;
  PartitionWork next = work_of(claim, 6, {});
  next.all_sales = true;
  next.sales = {{"phone", "three"}};
  REQUIRE(commit(*store, next));
  CHECK((*store->fold(3))->sales == next.sales);
}

TEST_CASE("a database has the orders of one topic") {
  TestDatabase database;
  claim_of(*database.open());
  const auto other = SociOrderStore::open(database.url, "other.orders");
  REQUIRE_FALSE(other.has_value());
  CHECK(other.error().code == Code::invalid);
  CHECK(other.error().context.find("seckill.orders") != std::string::npos);
  CHECK(other.error().context.find("other.orders") != std::string::npos);
  CHECK(database.open());
}

namespace {

constexpr std::int64_t kMade = 1'700'000'000'000;
constexpr WallTime kDue{kMade};
const std::string kTopic = "seckill.orders";
using Kind = orders::DeliveryOutcome::Kind;

orders::Delivery delivery(const std::string& order, const std::string& fact, std::int64_t offset) {
  return {.id = order + "-" + fact,
          .order_id = order,
          .type = "order." + fact,
          .body = R"({"user":"用户 'quoted' \"ß\""})",
          .log_partition = 3,
          .log_offset = offset,
          .created_at = kMade,
          .due_at = kMade};
}

std::vector<std::string> due(orders::DeliveryStore& store, std::vector<std::int32_t> partitions,
                             WallTime now = kDue, std::size_t most = 100) {
  const auto found = store.due(kTopic, partitions, now, most);
  REQUIRE_MESSAGE(found.has_value(), (found ? "" : found.error().context));
  std::vector<std::string> ids;
  for (const orders::Delivery& one : *found) ids.push_back(one.id);
  return ids;
}

void record(orders::DeliveryStore& store, std::vector<orders::DeliveryOutcome> outcomes) {
  const auto done = store.record(outcomes);
  REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().context));
}

using Ids = std::vector<std::string>;

}  // namespace

TEST_CASE("deliveries are written with their rows, once, and not by an owner of yesterday") {
  TestDatabase database;
  auto store = database.open();
  auto deliveries = database.open_deliveries();
  const Claim claim = claim_of(*store);
  PartitionWork work = work_of(claim, 1, {order("a", 0)});
  work.deliveries = {delivery("a", "placed", 0)};
  REQUIRE(commit(*store, work));
  CHECK_FALSE(commit(*store, work));  // the position has moved
  PartitionWork again = work_of({1, claim.fence}, 2, {});
  again.deliveries = {delivery("a", "placed", 0)};
  REQUIRE(commit(*store, again));
  CHECK(due(*deliveries, {3}) == Ids{"a-placed"});
  CHECK(*deliveries->find("a-placed") == delivery("a", "placed", 0));
  CHECK_FALSE(deliveries->find("b-placed")->has_value());
  CHECK(due(*deliveries, {}).empty());
  CHECK(due(*deliveries, {0, 1, 2, 4}).empty());
  CHECK(due(*deliveries, {0, 3}, {kMade - 1}).empty());
}

TEST_CASE("of an order the first that is left is due, be it parked") {
  TestDatabase database;
  auto store = database.open();
  auto deliveries = database.open_deliveries();
  PartitionWork work = work_of(claim_of(*store), 9, {order("a", 0), order("b", 1)});
  work.deliveries = {delivery("a", "placed", 0), delivery("b", "placed", 1),
                     delivery("a", "cancelled", 2), delivery("a", "refund_due", 3)};
  REQUIRE(commit(*store, work));
  CHECK(due(*deliveries, {3}) == Ids{"a-placed", "b-placed"});
  CHECK(due(*deliveries, {3}, kDue, 1) == Ids{"a-placed"});

  record(*deliveries, {{.id = "b-placed"},
                       {.id = "a-placed",
                        .kind = Kind::again,
                        .first_attempt_at = kMade + 5,
                        .due_at = kMade + 100,
                        .error = "500"}});
  CHECK(due(*deliveries, {3}, {kMade + 99}).empty());
  CHECK(due(*deliveries, {3}, {kMade + 100}) == Ids{"a-placed"});
  const auto failed = **deliveries->find("a-placed");
  CHECK(failed.attempts == 1);
  CHECK(failed.first_attempt_at == kMade + 5);
  CHECK(failed.last_error == "500");

  record(*deliveries, {{.id = "a-placed",
                        .kind = Kind::parked,
                        .attempts_before = 1,
                        .first_attempt_at = kMade + 5,
                        .due_at = kMade + 200,
                        .error = "410"}});
  CHECK(due(*deliveries, {3}, {kMade + 1'000}).empty());
  const std::vector<std::int32_t> all{3};
  CHECK(*deliveries->counts(kTopic, all) ==
        orders::DeliveryCounts{.pending = 2, .parked = 1, .oldest_pending = kMade});
  CHECK(deliveries->list({.parked = true})->size() == 1);
  CHECK(deliveries->list({})->size() == 3);
  CHECK(deliveries->list({.limit = 2})->size() == 2);
  CHECK(deliveries->list({.order_id = "b"})->empty());

  CHECK(*deliveries->send_back("a-cancelled", {kMade + 300}) == 0);
  CHECK(*deliveries->send_back("a-placed", {kMade + 300}) == 1);
  CHECK(*deliveries->send_back("a-placed", {kMade + 300}) == 0);
  CHECK(due(*deliveries, {3}, {kMade + 300}) == Ids{"a-placed"});
  CHECK((*deliveries->find("a-placed"))->attempts == 0);
  CHECK((*deliveries->find("a-placed"))->first_attempt_at == 0);
  record(*deliveries, {{.id = "a-placed"}});
  CHECK(due(*deliveries, {3}) == Ids{"a-cancelled"});
  record(*deliveries, {{.id = "a-cancelled"}, {.id = "a-refund_due", .kind = Kind::parked}});
  CHECK(*deliveries->send_back_all({kMade + 400}) == 1);
  record(*deliveries, {{.id = "a-refund_due"}});
  CHECK(*deliveries->counts(kTopic, all) == orders::DeliveryCounts{});
}

TEST_CASE("an attempt that somebody else has counted is not counted twice") {
  TestDatabase database;
  auto store = database.open();
  auto deliveries = database.open_deliveries();
  PartitionWork work = work_of(claim_of(*store), 1, {order("a", 0)});
  work.deliveries = {delivery("a", "placed", 0)};
  REQUIRE(commit(*store, work));
  const orders::DeliveryOutcome failed{
      .id = "a-placed", .kind = Kind::again, .due_at = kMade + 10, .error = "first"};
  orders::DeliveryOutcome stale = failed;
  stale.kind = Kind::parked;
  stale.error = "stale";
  record(*deliveries, {failed, stale});
  const auto found = **deliveries->find("a-placed");
  CHECK(found.attempts == 1);
  CHECK_FALSE(found.parked);
  CHECK(found.last_error == "first");
}

TEST_CASE("tables of version 2 are brought to the newest: the folds are not there yet") {
  TestDatabase database;
  REQUIRE(commit(*database.open(), work_of(claim_of(*database.open()), 2, {order("a", 1)})));
  database.administer_own("DROP TABLE ledger_folds");
  database.administer_own("DROP TABLE ledger_sales");
  database.administer_own("DROP INDEX orders_unpaid" +
                          std::string(database.url.starts_with("mysql") ? " ON orders" : ""));
  database.administer_own("UPDATE sluice_schema SET version = 2");
  auto store = database.open();
  // Else there is none of that name.
  database.administer_own("DROP INDEX orders_unpaid" +
                          std::string(database.url.starts_with("mysql") ? " ON orders" : ""));
  CHECK(claim_of(*store).next_offset == 2);
  CHECK_FALSE(store->fold(3)->has_value());
  CHECK(**store->find_order("a") == order("a", 1));
}

TEST_CASE("tables of version 1 are brought to the newest, and a newer version is refused") {
  TestDatabase database;
  {
    REQUIRE(commit(*database.open(), work_of(claim_of(*database.open()), 0, {})));
  }
  database.administer_own("DROP TABLE webhook_deliveries");
  database.administer_own("UPDATE sluice_schema SET version = 1");
  const auto early = orders::DeliveryStore::open(database.url);
  REQUIRE_FALSE(early.has_value());
  CHECK(early.error().code == Code::not_found);
  CHECK(early.error().context.find("version 1") != std::string::npos);
  for (int i = 0; i < 2; ++i) {
    auto store = database.open();
    CHECK(database.open_deliveries()->list({})->empty());
  }
  database.administer_own("UPDATE sluice_schema SET version = 1");  // killed before the last step
  database.open();
  CHECK(database.open_deliveries()->list({})->empty());
  database.administer_own("UPDATE sluice_schema SET version = 4");
  CHECK(SociOrderStore::open(database.url, kTopic).error().code == Code::unsupported);
  CHECK(orders::DeliveryStore::open(database.url).error().code == Code::unsupported);
}

TEST_CASE("a database that cannot be had is an error that says so") {
  const auto kind = SociOrderStore::open("oracle:x", "t");
  REQUIRE_FALSE(kind);
  CHECK(kind.error().code == Code::invalid);
  CHECK(kind.error().context.find("oracle:x") != std::string::npos);

  TestDatabase database;
  if (database.on_server()) return;
  std::filesystem::create_directories(database.dir.path() + "/new folder/orders.db");
  const auto folder = SociOrderStore::open(database.url, "t");
  REQUIRE_FALSE(folder);
  CHECK(folder.error().code == Code::unavailable);
}
