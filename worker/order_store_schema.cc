#include "worker/order_store_schema.h"

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <soci/soci.h>

#include "shared/orders/order_row.h"

namespace sluice::worker {
namespace {

using orders::DatabaseKind;
using orders::kSchemaVersion;

struct Index {
  std::string_view name;
  std::string_view columns;
};

// Texts are bounded by the ledger's limits; {text} is one that may be long.
struct Table {
  std::string_view name;
  std::string_view columns;
  std::vector<Index> indexes;
};

const std::vector<Table>& tables() {
  static const std::vector<Table> all = {
      {"orders",
       "order_id VARCHAR(26) PRIMARY KEY, sale VARCHAR(64) NOT NULL, user_id VARCHAR(128) NOT "
       "NULL, quantity BIGINT NOT NULL, unit_price BIGINT NOT NULL, currency VARCHAR(8) NOT NULL, "
       "state VARCHAR(16) NOT NULL, reason VARCHAR(512) NOT NULL, reserved_at BIGINT NOT NULL, "
       "deadline BIGINT NOT NULL, placed_at BIGINT NOT NULL, log_partition INTEGER NOT NULL, "
       "log_offset BIGINT NOT NULL",
       {{"orders_by_user", "user_id, sale"}, {"orders_unpaid", "log_partition, state, deadline"}}},
      {"log_positions",
       "topic VARCHAR(249) NOT NULL, log_partition INTEGER NOT NULL, next_offset BIGINT NOT NULL, "
       "fence BIGINT NOT NULL, PRIMARY KEY (topic, log_partition)",
       {}},
      {"ledger_folds",
       "topic VARCHAR(249) NOT NULL, log_partition INTEGER NOT NULL, next_offset BIGINT NOT NULL, "
       "epoch {text} NOT NULL, last_record BIGINT NOT NULL, unanswered BIGINT NOT NULL, PRIMARY "
       "KEY (topic, log_partition)",
       {}},
      {"ledger_sales",
       "topic VARCHAR(249) NOT NULL, log_partition INTEGER NOT NULL, sale VARCHAR(64) NOT NULL, "
       "state {text} NOT NULL, PRIMARY KEY (topic, log_partition, sale)",
       {}},
      {"outbox",
       "source_topic VARCHAR(249) NOT NULL, source_partition INTEGER NOT NULL, source_offset "
       "BIGINT NOT NULL, part INTEGER NOT NULL, to_topic VARCHAR(249) NOT NULL, to_partition "
       "INTEGER NOT NULL, record_key {text}, record_value {text}, headers {text} NOT NULL, "
       "PRIMARY KEY (source_topic, source_partition, source_offset, part)",
       {}},
      {"webhook_deliveries",
       "id VARCHAR(64) PRIMARY KEY, order_id VARCHAR(26) NOT NULL, event_type VARCHAR(32) NOT "
       "NULL, body {text} NOT NULL, topic VARCHAR(249) NOT NULL, log_partition INTEGER NOT NULL, "
       "log_offset BIGINT NOT NULL, created_at BIGINT NOT NULL, state VARCHAR(16) NOT NULL, due_at "
       "BIGINT NOT NULL, attempts BIGINT NOT NULL, first_attempt_at BIGINT NOT NULL, last_error "
       "VARCHAR(256) NOT NULL",
       {{"webhook_by_due", "state, due_at, log_offset"}, {"webhook_by_order", "order_id"}}},
  };
  return all;
}

// MySQL knows no index "if not exists".
bool has_index(soci::session& sql, const Table& table, const Index& index) {
  const std::string table_name(table.name), index_name(index.name);
  int columns = 0;
  sql << "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND "
         "table_name = :table AND index_name = :index",
      soci::into(columns), soci::use(table_name), soci::use(index_name);
  return columns > 0;
}

void make(soci::session& sql, DatabaseKind kind, const Table& table) {
  const bool mysql = kind == DatabaseKind::mysql;
  // In MySQL texts are told apart by their bytes when they are told to be.
  sql << fmt::format(
      "CREATE TABLE IF NOT EXISTS {} ({}){}", table.name,
      fmt::format(fmt::runtime(table.columns), fmt::arg("text", mysql ? "LONGTEXT" : "TEXT")),
      mysql ? " ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" : "");
  for (const Index& index : table.indexes) {
    if (mysql && has_index(sql, table, index)) continue;
    sql << fmt::format("CREATE INDEX {} {} ON {} ({})", mysql ? "" : "IF NOT EXISTS", index.name,
                       table.name, index.columns);
  }
}

// Two workers' CREATE TABLE IF NOT EXISTS can meet and fail. In SQLite the transaction is enough.
void lock(soci::session& sql, DatabaseKind kind) {
  int taken = 0;
  if (kind == DatabaseKind::postgresql) {
    sql << "SELECT 1 FROM (SELECT pg_advisory_xact_lock(7518324)) AS lock", soci::into(taken);
  } else if (kind == DatabaseKind::mysql) {
    sql << "SELECT GET_LOCK(CONCAT('sluice_', MD5(DATABASE())), 20)", soci::into(taken);
    if (taken != 1) throw soci::soci_error("another worker makes the tables and does not end");
  }
}

// MySQL's lock is not the transaction's. Whoever takes it next has to see the version.
void unlock(soci::session& sql, DatabaseKind kind) {
  if (kind != DatabaseKind::mysql) return;
  int released = 0;
  sql << "COMMIT";
  sql << "SELECT RELEASE_LOCK(CONCAT('sluice_', MD5(DATABASE())))", soci::into(released);
}

}  // namespace

Result<void> make_tables(soci::session& sql, DatabaseKind kind) {
  lock(sql, kind);
  sql << "CREATE TABLE IF NOT EXISTS sluice_schema (version INTEGER NOT NULL)";
  int versions = 0;
  int newest = 0;
  sql << "SELECT COUNT(*), COALESCE(MAX(version), 0) FROM sluice_schema", soci::into(versions),
      soci::into(newest);
  if (newest > kSchemaVersion) {
    return fail(Code::unsupported,
                fmt::format("the orders database has schema version {}, this program knows {}",
                            newest, kSchemaVersion));
  }
  // What each version has brought so far are tables and indexes, so what is not there is the way to
  // the newest.
  for (const Table& table : tables()) make(sql, kind, table);
  if (newest < kSchemaVersion) {
    sql << (versions == 0 ? "INSERT INTO sluice_schema (version) VALUES (:version)"
                          : "UPDATE sluice_schema SET version = :version"),
        soci::use(kSchemaVersion, "version");
  }
  unlock(sql, kind);
  return {};
}

}  // namespace sluice::worker
