#include "shared/orders/delivery_store.h"

#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <soci/soci.h>

#include "shared/base/fail_point.h"
#include "shared/orders/order_row.h"
#include "shared/orders/session.h"

namespace sluice::orders {
namespace {

constexpr std::string_view kColumns =
    "d.id, d.order_id, d.event_type, d.body, d.log_partition, d.log_offset, d.created_at, "
    "d.due_at, d.attempts, d.first_attempt_at, d.state, d.last_error";
constexpr std::string_view kSendBack =
    "UPDATE webhook_deliveries SET state = 'pending', attempts = 0, first_attempt_at = 0, due_at = "
    ":now WHERE state = 'parked'";
constexpr std::string_view kPending = "pending";
constexpr std::string_view kParked = "parked";

Delivery delivery(const soci::row& row) {
  return {.id = row.get<std::string>(0),
          .order_id = row.get<std::string>(1),
          .type = row.get<std::string>(2),
          .body = row.get<std::string>(3),
          .log_partition = row.get<int>(4),
          .log_offset = row.get<long long>(5),
          .created_at = row.get<long long>(6),
          .due_at = row.get<long long>(7),
          .attempts = row.get<long long>(8),
          .first_attempt_at = row.get<long long>(9),
          .parked = row.get<std::string>(10) == kParked,
          .last_error = row.get<std::string>(11)};
}

std::vector<Delivery> deliveries(const soci::rowset<soci::row>& rows) {
  std::vector<Delivery> list;
  for (const soci::row& row : rows) list.push_back(delivery(row));
  return list;
}

std::string of_partitions(std::span<const std::int32_t> partitions) {
  return fmt::format("d.log_partition IN ({})", fmt::join(partitions, ", "));
}

void remove_delivered(soci::session& sql, std::span<const DeliveryOutcome> outcomes) {
  std::vector<std::string> ids;
  for (const DeliveryOutcome& outcome : outcomes) {
    if (outcome.kind == DeliveryOutcome::Kind::delivered) ids.push_back(outcome.id);
  }
  if (ids.empty()) return;
  soci::statement remove =
      (sql.prepare << "DELETE FROM webhook_deliveries WHERE id = :id", soci::use(ids));
  remove.execute(true);
}

// Only what is as it was when the attempt began: a worker that has lost the partition counts
// nothing, and parks nothing that somebody has sent back.
void count_failed(soci::session& sql, std::span<const DeliveryOutcome> outcomes) {
  std::vector<std::string> ids, states, errors;
  std::vector<long long> before, attempts, first, due;
  for (const DeliveryOutcome& outcome : outcomes) {
    if (outcome.kind == DeliveryOutcome::Kind::delivered) continue;
    const bool parked = outcome.kind == DeliveryOutcome::Kind::parked;
    ids.push_back(outcome.id);
    states.emplace_back(parked ? kParked : kPending);
    errors.push_back(outcome.error);
    before.push_back(outcome.attempts_before);
    attempts.push_back(outcome.attempts_before + 1);
    first.push_back(outcome.first_attempt_at);
    due.push_back(outcome.due_at);
  }
  if (ids.empty()) return;
  soci::statement update =
      (sql.prepare << "UPDATE webhook_deliveries SET state = :state, attempts = :attempts, "
                      "first_attempt_at = :first, due_at = :due, last_error = :error WHERE id = "
                      ":id AND state = 'pending' AND attempts = :before",
       soci::use(states), soci::use(attempts), soci::use(first), soci::use(due), soci::use(errors),
       soci::use(ids), soci::use(before));
  update.execute(true);
}

}  // namespace

struct DeliveryStore::Connection {
  std::unique_ptr<soci::session> sql;  // null: not open

  soci::session& opened(const Database& database) {
    if (sql) return *sql;
    auto session = std::make_unique<soci::session>();
    open_session(*session, database, Access::write);
    // A table that is filled from empty has no statistics yet; then PostgreSQL reads and sorts the
    // whole backlog for each stretch of it, instead of walking the index.
    if (database.kind == DatabaseKind::postgresql) *session << "SET enable_sort = off";
    sql = std::move(session);
    return *sql;
  }
};

DeliveryStore::DeliveryStore(Database database)
    : database_(std::move(database)), connection_([]() -> Result<std::unique_ptr<Connection>> {
        return std::make_unique<Connection>();
      }) {}

DeliveryStore::~DeliveryStore() = default;

Result<std::unique_ptr<DeliveryStore>> DeliveryStore::open(const std::string& database) {
  TRY(parsed, parse_database(database));
  TRY_VOID(check_there(parsed));
  std::unique_ptr<DeliveryStore> store(new DeliveryStore(parsed));
  TRY_VOID(store->connected([parsed](soci::session& sql) -> Result<void> {
    TRY(version, schema_version(sql, parsed));
    if (version >= kDeliveriesSince) return {};
    return fail(Code::not_found,
                fmt::format("{} has schema version {}, deliveries are kept since {}: a worker that "
                            "starts brings it there",
                            parsed.shown, version, kDeliveriesSince));
  }));
  return store;
}

void DeliveryStore::stop() {
  connection_.stop();
}

template <class Work>
auto DeliveryStore::connected(Work work) -> decltype(work(std::declval<soci::session&>())) {
  using Done = decltype(work(std::declval<soci::session&>()));
  return connection_.ask([database = database_, work = std::move(work)](Connection& c) -> Done {
    try {
      return work(c.opened(database));
    } catch (const soci::soci_error& e) {
      c.sql.reset();  // closing rolls back what is open
      return unavailable(fmt::format("{}: {}", database.shown, e.what()));
    }
  });
}

Result<std::vector<Delivery>> DeliveryStore::due(const std::string& topic,
                                                 std::span<const std::int32_t> partitions,
                                                 WallTime now, std::size_t most) {
  if (partitions.empty()) return std::vector<Delivery>();
  const long long until = now.unix_millis;
  return connected([topic, of = of_partitions(partitions), until,
                    most](soci::session& sql) -> Result<std::vector<Delivery>> {
    const soci::rowset<soci::row> rows =
        (sql.prepare << fmt::format(
             "SELECT {} FROM webhook_deliveries d WHERE d.state = 'pending' AND d.due_at <= :now "
             "AND d.topic = :topic AND {} AND NOT EXISTS (SELECT 1 FROM webhook_deliveries e WHERE "
             "e.order_id = d.order_id AND e.topic = d.topic AND e.log_offset < d.log_offset) ORDER "
             "BY d.due_at, d.log_offset LIMIT {}",
             kColumns, of, most),
         soci::use(until), soci::use(topic));
    return deliveries(rows);
  });
}

Result<void> DeliveryStore::record(std::span<const DeliveryOutcome> outcomes) {
  if (outcomes.empty()) return {};
  return connected([begin = database_.begin(), all = std::vector(outcomes.begin(), outcomes.end())](
                       soci::session& sql) -> Result<void> {
    sql << begin;
    remove_delivered(sql, all);
    count_failed(sql, all);
    FAIL_POINT("deliveries-written");
    sql << "COMMIT";
    return {};
  });
}

Result<DeliveryCounts> DeliveryStore::counts(const std::string& topic,
                                             std::span<const std::int32_t> partitions) {
  if (partitions.empty()) return DeliveryCounts();
  return connected([topic,
                    of = of_partitions(partitions)](soci::session& sql) -> Result<DeliveryCounts> {
    DeliveryCounts counts;
    std::string state;
    long long count = 0;
    long long oldest = 0;
    soci::statement select =
        (sql.prepare << fmt::format(
             "SELECT d.state, COUNT(*), MIN(d.created_at) FROM webhook_deliveries d WHERE d.topic "
             "= :topic AND {} GROUP BY d.state",
             of),
         soci::use(topic), soci::into(state), soci::into(count), soci::into(oldest));
    select.execute();
    while (select.fetch()) {
      if (state == kParked) {
        counts.parked = count;
      } else {
        counts.pending = count;
        counts.oldest_pending = oldest;
      }
    }
    return counts;
  });
}

Result<std::vector<Delivery>> DeliveryStore::list(const DeliveryFilter& filter) {
  return connected([filter](soci::session& sql) -> Result<std::vector<Delivery>> {
    const std::string state =
        filter.parked ? fmt::format("d.state = '{}'", *filter.parked ? kParked : kPending)
                      : "1 = 1";
    const soci::rowset<soci::row> rows =
        (sql.prepare << fmt::format(
             "SELECT {} FROM webhook_deliveries d WHERE {} AND (d.order_id = :order OR :any = '') "
             "ORDER BY d.created_at, d.log_offset LIMIT {}",
             kColumns, state, filter.limit),
         soci::use(filter.order_id, "order"), soci::use(filter.order_id, "any"));
    return deliveries(rows);
  });
}

Result<std::optional<Delivery>> DeliveryStore::find(const std::string& id) {
  return connected([id](soci::session& sql) -> Result<std::optional<Delivery>> {
    const soci::rowset<soci::row> rows =
        (sql.prepare << fmt::format("SELECT {} FROM webhook_deliveries d WHERE d.id = :id",
                                    kColumns),
         soci::use(id));
    for (const soci::row& row : rows) return delivery(row);
    return std::nullopt;
  });
}

Result<std::int64_t> DeliveryStore::send_back(const std::string& id, WallTime now) {
  return connected([id, now](soci::session& sql) -> Result<std::int64_t> {
    const long long due = now.unix_millis;
    soci::statement update =
        (sql.prepare << fmt::format("{} AND id = :id", kSendBack), soci::use(due), soci::use(id));
    update.execute(true);
    return update.get_affected_rows();
  });
}

Result<std::int64_t> DeliveryStore::send_back_all(WallTime now) {
  return connected([now](soci::session& sql) -> Result<std::int64_t> {
    const long long due = now.unix_millis;
    soci::statement update = (sql.prepare << std::string(kSendBack), soci::use(due));
    update.execute(true);
    return update.get_affected_rows();
  });
}

}  // namespace sluice::orders
