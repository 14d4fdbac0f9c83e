#include "worker/order_store_soci.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <soci/soci.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

#include "shared/base/fail_point.h"
#include "shared/orders/session.h"
#include "worker/order_store_columns.h"
#include "worker/order_store_schema.h"

namespace sluice::worker {
namespace {

using orders::Database;
using orders::DatabaseKind;
using orders::unavailable;

// In one statement. Of a thousand MariaDB makes a table and looks into that.
constexpr std::size_t kIdsAtOnce = 500;

Result<void> make_folder(const std::filesystem::path& path) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) return unavailable(fmt::format("{}: {}", path.string(), error.message()));
  return {};
}

void delete_orders(soci::session& sql, const std::vector<std::string>& ids) {
  if (ids.empty()) return;
  soci::statement remove =
      (sql.prepare << "DELETE FROM orders WHERE order_id = :id", soci::use(ids));
  remove.execute(true);
}

void insert_orders(soci::session& sql, const Database& database,
                   const std::vector<OrderRow>& rows) {
  if (rows.empty()) return;
  OrderColumns c(rows);
  soci::statement insert =
      (sql.prepare << "INSERT INTO orders (order_id, sale, user_id, quantity, unit_price, "
                      "currency, state, reason, reserved_at, deadline, placed_at, log_partition, "
                      "log_offset) VALUES (:id, :sale, :user, :quantity, :price, :currency, "
                      ":state, :reason, :reserved, :deadline, :placed, :partition, :offset) " +
                          database.unless_there("order_id"),
       soci::use(c.order_id), soci::use(c.sale), soci::use(c.user_id), soci::use(c.quantity),
       soci::use(c.unit_price), soci::use(c.currency), soci::use(c.state), soci::use(c.reason),
       soci::use(c.reserved_at), soci::use(c.deadline), soci::use(c.placed_at),
       soci::use(c.log_partition), soci::use(c.log_offset));
  insert.execute(true);
}

void change_orders(soci::session& sql, const std::vector<OrderChange>& changes) {
  if (changes.empty()) return;
  std::vector<std::string> states, reasons, ids;
  for (const OrderChange& change : changes) {
    states.emplace_back(ledger::name_of(change.state));
    reasons.push_back(change.reason);
    ids.push_back(change.order_id);
  }
  soci::statement update =
      (sql.prepare << "UPDATE orders SET state = :state, reason = :reason WHERE order_id = :id",
       soci::use(states), soci::use(reasons), soci::use(ids));
  update.execute(true);
}

void insert_outbox(soci::session& sql, const Database& database, const std::string& topic,
                   const std::vector<OutboxRow>& rows) {
  if (rows.empty()) return;
  OutboxColumns c(rows, topic);
  soci::statement insert =
      (sql.prepare << "INSERT INTO outbox (source_topic, source_partition, source_offset, part, "
                      "to_topic, to_partition, record_key, record_value, headers) VALUES "
                      "(:topic, :partition, :offset, :part, :to_topic, :to_partition, :key, "
                      ":value, :headers) " +
                          database.unless_there(
                              "source_topic, source_partition, source_offset, part"),
       soci::use(c.source_topic), soci::use(c.source_partition), soci::use(c.source_offset),
       soci::use(c.part), soci::use(c.to_topic), soci::use(c.to_partition),
       soci::use(c.key, c.key_null), soci::use(c.value, c.value_null), soci::use(c.headers));
  insert.execute(true);
}

// New ones are due when they are made.
void insert_deliveries(soci::session& sql, const Database& database, const std::string& topic,
                       const std::vector<orders::Delivery>& rows) {
  if (rows.empty()) return;
  DeliveryColumns c(rows, topic);
  soci::statement insert =
      (sql.prepare << "INSERT INTO webhook_deliveries (id, order_id, event_type, body, topic, "
                      "log_partition, log_offset, created_at, state, due_at, attempts, "
                      "first_attempt_at, last_error) VALUES (:id, :order, :type, :body, :topic, "
                      ":partition, :offset, :created, 'pending', :due, 0, 0, '') " +
                          database.unless_there("id"),
       soci::use(c.id), soci::use(c.order_id), soci::use(c.type), soci::use(c.body),
       soci::use(c.topic), soci::use(c.log_partition), soci::use(c.log_offset),
       soci::use(c.created_at), soci::use(c.created_at));
  insert.execute(true);
}

void delete_outbox(soci::session& sql, const std::string& topic, std::span<const OutboxKey> sent) {
  if (sent.empty()) return;
  std::vector<std::string> topics(sent.size(), topic);
  std::vector<int> partitions, parts;
  std::vector<long long> offsets;
  for (const OutboxKey& key : sent) {
    partitions.push_back(key.partition);
    offsets.push_back(key.offset);
    parts.push_back(key.part);
  }
  soci::statement remove =
      (sql.prepare << "DELETE FROM outbox WHERE source_topic = :topic AND source_partition = "
                      ":partition AND source_offset = :offset AND part = :part",
       soci::use(topics), soci::use(partitions), soci::use(offsets), soci::use(parts));
  remove.execute(true);
}

std::unexpected<Error> fenced(const std::string& topic, std::int32_t partition,
                              const Claim& claim) {
  return fail(Code::fenced, fmt::format("{}-{} has another owner: offset {} with fence {} is not "
                                        "what the database holds",
                                        topic, partition, claim.next_offset, claim.fence));
}

// Zeros when there is no such row.
Claim position_of(soci::session& sql, const std::string& topic, std::int32_t partition) {
  long long next = 0;
  long long fence = 0;
  sql << "SELECT next_offset, fence FROM log_positions WHERE topic = :topic AND log_partition = "
         ":partition",
      soci::into(next), soci::into(fence), soci::use(topic), soci::use(partition);
  return {.next_offset = next, .fence = fence};
}

void put_fold(soci::session& sql, const Database& database, const std::string& topic,
              const PartitionWork& work) {
  const long long next = work.next_offset;
  const auto last = static_cast<long long>(work.fold.last_record);
  const long long unanswered = work.fold.unanswered;
  sql << "INSERT INTO ledger_folds (topic, log_partition, next_offset, epoch, last_record, "
         "unanswered) VALUES (:topic, :partition, :next, :epoch, :last, :unanswered) " +
             database.or_replace("topic, log_partition",
                                 "next_offset, epoch, last_record, unanswered"),
      soci::use(topic), soci::use(work.partition), soci::use(next), soci::use(work.fold.epoch),
      soci::use(last), soci::use(unanswered);
}

void put_sales(soci::session& sql, const Database& database, const std::string& topic,
               const PartitionWork& work) {
  if (work.all_sales) {
    sql << "DELETE FROM ledger_sales WHERE topic = :topic AND log_partition = :partition",
        soci::use(topic), soci::use(work.partition);
  }
  if (work.sales.empty()) return;
  std::vector<std::string> topics(work.sales.size(), topic), sales, states;
  std::vector<int> partitions(work.sales.size(), work.partition);
  for (const SaleRow& row : work.sales) {
    sales.push_back(row.sale);
    states.push_back(row.state);
  }
  soci::statement insert =
      (sql.prepare << "INSERT INTO ledger_sales (topic, log_partition, sale, state) VALUES "
                      "(:topic, :partition, :sale, :state) " +
                          database.or_replace("topic, log_partition, sale", "state"),
       soci::use(topics), soci::use(partitions), soci::use(sales), soci::use(states));
  insert.execute(true);
}

// Everything that was committed so far is of `topic`: an order's id and its place on the log are
// those of one topic's.
Result<void> check_topic(soci::session& sql, const std::string& topic) {
  std::string other;
  sql << "SELECT COALESCE(MIN(topic), '') FROM log_positions WHERE topic <> :topic",
      soci::into(other), soci::use(topic);
  if (other.empty()) return {};
  return fail(Code::invalid,
              fmt::format("database has the orders of topic {}, orders_topic is {}: each topic "
                          "needs a database of its own",
                          other, topic));
}

// Ids are well-formed, so they can stand in the statement.
std::string id_list(std::span<const std::string> ids) {
  return fmt::format("'{}'", fmt::join(ids, "', '"));
}

// The compare-and-set that keeps an owner of yesterday out.
Result<void> move_position(soci::session& sql, const std::string& topic,
                           const PartitionWork& work) {
  const long long next = work.next_offset;
  const long long before = work.claim.next_offset;
  const long long fence = work.claim.fence;
  soci::statement update =
      (sql.prepare << "UPDATE log_positions SET next_offset = :next WHERE topic = :topic AND "
                      "log_partition = :partition AND next_offset = :before AND fence = :fence",
       soci::use(next), soci::use(topic), soci::use(work.partition), soci::use(before),
       soci::use(fence));
  update.execute(true);
  if (update.get_affected_rows() == 1) return {};
  return fenced(topic, work.partition, work.claim);
}

}  // namespace

struct SociOrderStore::Connection {
  soci::session sql;
};

SociOrderStore::SociOrderStore(Database database, std::string topic)
    : database_(std::move(database)), topic_(std::move(topic)) {}

SociOrderStore::~SociOrderStore() = default;

Result<std::unique_ptr<SociOrderStore>> SociOrderStore::open(const std::string& database,
                                                             const std::string& topic) {
  TRY(parsed, orders::parse_database(database));
  const DatabaseKind kind = parsed.kind;
  std::unique_ptr<SociOrderStore> store(new SociOrderStore(std::move(parsed), topic));
  TRY_VOID(store->in_transaction([kind](Connection& c) { return make_tables(c.sql, kind); }));
  TRY_VOID(store->connected([&](Connection& c) { return check_topic(c.sql, topic); }));
  return store;
}

Result<void> SociOrderStore::connect() {
  if (connection_) return {};
  if (database_.kind == DatabaseKind::sqlite) TRY_VOID(make_folder(database_.connection));
  try {
    auto connection = std::make_unique<Connection>();
    orders::open_session(connection->sql, database_, orders::Access::write);
    connection_ = std::move(connection);
    return {};
  } catch (const soci::soci_error& e) {
    return unavailable(fmt::format("{}: {}", database_.shown, e.what()));
  }
}

template <class Work>
auto SociOrderStore::connected(Work work) -> decltype(work(std::declval<Connection&>())) {
  TRY_VOID(connect());
  try {
    return work(*connection_);
  } catch (const soci::soci_error& e) {
    connection_.reset();  // closing rolls back what is open
    return unavailable(e.what());
  }
}

template <class Work>
auto SociOrderStore::in_transaction(Work work) -> decltype(work(std::declval<Connection&>())) {
  bool committing = false;
  auto done = connected([&](Connection& c) {
    c.sql << database_.begin();
    auto written = work(c);
    committing = written.has_value();
    c.sql << (committing ? "COMMIT" : "ROLLBACK");
    committing = false;
    return written;
  });
  if (committing) done.error().context.insert(0, "commit: ");
  return done;
}

Result<Claim> SociOrderStore::claim(std::int32_t partition) {
  return in_transaction([&](Connection& c) -> Result<Claim> {
    c.sql << "INSERT INTO log_positions (topic, log_partition, next_offset, fence) VALUES (:topic, "
             ":partition, 0, 0) " +
                 database_.unless_there("topic, log_partition"),
        soci::use(topic_), soci::use(partition);
    c.sql << "UPDATE log_positions SET fence = fence + 1 WHERE topic = :topic AND log_partition = "
             ":partition",
        soci::use(topic_), soci::use(partition);
    return position_of(c.sql, topic_, partition);
  });
}

Result<std::optional<StoredFold>> SociOrderStore::fold(std::int32_t partition) {
  return connected([&](Connection& c) -> Result<std::optional<StoredFold>> {
    StoredFold stored;
    long long next = 0, last = 0, unanswered = 0;
    c.sql << "SELECT next_offset, epoch, last_record, unanswered FROM ledger_folds WHERE topic = "
             ":topic AND log_partition = :partition",
        soci::into(next), soci::into(stored.fold.epoch), soci::into(last), soci::into(unanswered),
        soci::use(topic_), soci::use(partition);
    if (!c.sql.got_data()) return std::nullopt;
    stored.next_offset = next;
    stored.fold.last_record = static_cast<std::uint64_t>(last);
    stored.fold.unanswered = unanswered;
    const soci::rowset<soci::row> found =
        (c.sql.prepare << "SELECT sale, state FROM ledger_sales WHERE topic = :topic AND "
                          "log_partition = :partition",
         soci::use(topic_), soci::use(partition));
    for (const soci::row& row : found) {
      stored.sales.push_back({row.get<std::string>(0), row.get<std::string>(1)});
    }
    return stored;
  });
}

Result<std::vector<OrderRow>> SociOrderStore::find(std::span<const std::string> ids) {
  return connected([&](Connection& c) -> Result<std::vector<OrderRow>> {
    std::vector<OrderRow> rows;
    for (; !ids.empty(); ids = ids.subspan(std::min(kIdsAtOnce, ids.size()))) {
      const soci::rowset<soci::row> found =
          (c.sql.prepare << fmt::format("SELECT {} FROM orders WHERE order_id IN ({})",
                                        kOrderColumns,
                                        id_list(ids.first(std::min(kIdsAtOnce, ids.size())))));
      for (const soci::row& row : found) rows.push_back(order_row(row));
    }
    return rows;
  });
}

Result<std::vector<Unpaid>> SociOrderStore::unpaid(std::int32_t partition, std::size_t most) {
  return connected([&](Connection& c) -> Result<std::vector<Unpaid>> {
    std::vector<Unpaid> list;
    const soci::rowset<soci::row> found =
        (c.sql.prepare << fmt::format(
             "SELECT order_id, sale, deadline FROM orders WHERE log_partition = :partition AND "
             "state = 'placed' AND deadline > 0 ORDER BY deadline LIMIT {}",
             most),
         soci::use(partition));
    for (const soci::row& row : found) list.push_back(unpaid_row(row));
    return list;
  });
}

Result<void> SociOrderStore::confirm(const std::map<std::int32_t, Claim>& claims) {
  return in_transaction([&](Connection& c) -> Result<void> {
    for (const auto& [partition, claim] : claims) {
      if (position_of(c.sql, topic_, partition) != claim) return fenced(topic_, partition, claim);
    }
    return {};
  });
}

Result<void> SociOrderStore::commit(std::span<const PartitionWork> works) {
  return in_transaction([&](Connection& c) -> Result<void> {
    for (const PartitionWork& work : works) {
      TRY_VOID(move_position(c.sql, topic_, work));
      put_fold(c.sql, database_, topic_, work);
      put_sales(c.sql, database_, topic_, work);
      delete_orders(c.sql, work.replaced);
      insert_orders(c.sql, database_, work.orders);
      change_orders(c.sql, work.changes);
      insert_outbox(c.sql, database_, topic_, work.outbox);
      delete_outbox(c.sql, topic_, work.sent);
      insert_deliveries(c.sql, database_, topic_, work.deliveries);
    }
    FAIL_POINT("store-written");
    return {};
  });
}

Result<std::vector<OutboxRow>> SociOrderStore::outbox(std::int32_t partition) {
  return in_transaction([&](Connection& c) -> Result<std::vector<OutboxRow>> {
    std::vector<OutboxRow> rows;
    const soci::rowset<soci::row> found =
        (c.sql.prepare << "SELECT source_offset, part, to_topic, to_partition, record_key, "
                          "record_value, headers FROM outbox WHERE source_topic = :topic AND "
                          "source_partition = :partition ORDER BY source_offset, part",
         soci::use(topic_), soci::use(partition));
    for (const soci::row& row : found) rows.push_back(outbox_row(row, partition));
    return rows;
  });
}

Result<void> SociOrderStore::forget(std::span<const OutboxKey> sent) {
  if (sent.empty()) return {};
  return in_transaction([&](Connection& c) -> Result<void> {
    delete_outbox(c.sql, topic_, sent);
    FAIL_POINT("store-forgotten");
    return {};
  });
}

Result<std::optional<OrderRow>> SociOrderStore::find_order(const std::string& order_id) {
  TRY(rows, find(std::span(&order_id, 1)));
  return rows.empty() ? std::nullopt : std::optional(std::move(rows.front()));
}

Result<std::int64_t> SociOrderStore::order_count() {
  return in_transaction([](Connection& c) -> Result<std::int64_t> {
    long long count = 0;
    c.sql << "SELECT COUNT(*) FROM orders", soci::into(count);
    return count;
  });
}

}  // namespace sluice::worker
