#include "shared/orders/order_reader.h"

#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <soci/soci.h>

#include "shared/orders/session.h"

namespace sluice::orders {
namespace {

// Rows that are taken over at once.
constexpr std::size_t kRowsAtOnce = 1'000;

// Of what is read from now on, nothing changes.
void begin(soci::session& sql, DatabaseKind kind) {
  switch (kind) {
    case DatabaseKind::sqlite:
      sql << "BEGIN";
      return;
    case DatabaseKind::postgresql:
      sql << "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
      return;
    case DatabaseKind::mysql:
      sql << "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ";
      sql << "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
      return;
  }
}

// The columns of many rows at once.
struct Rows {
  std::vector<std::string> order_id, sale, user_id, currency, state, reason;
  std::vector<long long> quantity, unit_price, reserved_at, deadline, placed_at, log_offset;
  std::vector<int> log_partition;

  void resize(std::size_t rows) {
    for (auto* texts : {&order_id, &sale, &user_id, &currency, &state, &reason}) {
      texts->resize(rows);
    }
    for (auto* numbers :
         {&quantity, &unit_price, &reserved_at, &deadline, &placed_at, &log_offset}) {
      numbers->resize(rows);
    }
    log_partition.resize(rows);
  }

  StoredOrder at(std::size_t i) {
    return {.row = {.order_id = std::move(order_id[i]),
                    .sale = std::move(sale[i]),
                    .user_id = std::move(user_id[i]),
                    .quantity = quantity[i],
                    .unit_price = unit_price[i],
                    .currency = std::move(currency[i]),
                    .state = state_named(state[i]),
                    .reason = std::move(reason[i]),
                    .reserved_at = reserved_at[i],
                    .deadline = deadline[i],
                    .placed_at = placed_at[i],
                    .log_partition = log_partition[i],
                    .log_offset = log_offset[i]},
            .state = std::move(state[i])};
  }
};

}  // namespace

struct OrderReader::Connection {
  soci::session sql;
  Rows rows;
  std::optional<soci::statement> select;  // of all orders, into `rows`

  void read_orders() {
    select.emplace(
        (sql.prepare << "SELECT order_id, sale, user_id, quantity, unit_price, currency, state, "
                        "reason, reserved_at, deadline, placed_at, log_partition, log_offset "
                        "FROM orders",
         soci::into(rows.order_id), soci::into(rows.sale), soci::into(rows.user_id),
         soci::into(rows.quantity), soci::into(rows.unit_price), soci::into(rows.currency),
         soci::into(rows.state), soci::into(rows.reason), soci::into(rows.reserved_at),
         soci::into(rows.deadline), soci::into(rows.placed_at), soci::into(rows.log_partition),
         soci::into(rows.log_offset)));
    select->execute();
  }

  // Empty at the end.
  std::vector<StoredOrder> next_orders() {
    rows.resize(kRowsAtOnce);
    std::vector<StoredOrder> orders;
    if (!select->fetch()) return orders;
    for (std::size_t i = 0; i < rows.order_id.size(); ++i) orders.push_back(rows.at(i));
    return orders;
  }
};

OrderReader::OrderReader(Database database)
    : database_(std::move(database)), connection_([]() -> Result<std::unique_ptr<Connection>> {
        return std::make_unique<Connection>();
      }) {}

OrderReader::~OrderReader() = default;

template <class Work>
auto OrderReader::reading(Work work) -> decltype(work(std::declval<Connection&>())) {
  using Done = decltype(work(std::declval<Connection&>()));
  return connection_.ask([shown = database_.shown, work = std::move(work)](Connection& c) -> Done {
    try {
      return work(c);
    } catch (const soci::soci_error& e) {
      return unavailable(fmt::format("{}: {}", shown, e.what()));
    }
  });
}

Result<std::unique_ptr<OrderReader>> OrderReader::open(const std::string& database) {
  TRY(parsed, parse_database(database));
  TRY_VOID(check_there(parsed));
  std::unique_ptr<OrderReader> reader(new OrderReader(parsed));
  TRY_VOID(reader->reading([parsed](Connection& c) -> Result<void> {
    open_session(c.sql, parsed, Access::read);
    begin(c.sql, parsed.kind);
    TRY_VOID(schema_version(c.sql, parsed));
    return {};
  }));
  return reader;
}

Result<std::map<std::int32_t, std::int64_t>> OrderReader::positions(const std::string& topic) {
  return reading([topic](Connection& c) -> Result<std::map<std::int32_t, std::int64_t>> {
    std::map<std::int32_t, std::int64_t> found;
    int partition = 0;
    long long next = 0;
    soci::statement select =
        (c.sql.prepare << "SELECT log_partition, next_offset FROM log_positions WHERE topic = "
                          ":topic",
         soci::use(topic), soci::into(partition), soci::into(next));
    select.execute();
    while (select.fetch()) found[partition] = next;
    return found;
  });
}

Result<std::int64_t> OrderReader::outbox_count() {
  return reading([](Connection& c) -> Result<std::int64_t> {
    long long count = 0;
    c.sql << "SELECT COUNT(*) FROM outbox", soci::into(count);
    return count;
  });
}

Result<void> OrderReader::each(const std::function<void(const StoredOrder& order)>& visit) {
  TRY_VOID(reading([](Connection& c) -> Result<void> {
    c.rows.resize(kRowsAtOnce);
    c.read_orders();
    return {};
  }));
  while (true) {
    TRY(orders,
        reading([](Connection& c) -> Result<std::vector<StoredOrder>> { return c.next_orders(); }));
    if (orders.empty()) return {};
    for (const StoredOrder& order : orders) visit(order);
  }
}

}  // namespace sluice::orders
