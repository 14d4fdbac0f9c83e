#include "shared/orders/session.h"

#include <filesystem>

#include <fmt/format.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "shared/orders/order_row.h"

namespace sluice::orders {
namespace {

void open_sqlite(soci::session& sql, const std::string& path, Access access) {
  // SOCI takes the whole text after db= up to a space; a quoted path may hold spaces.
  if (access == Access::read) {
    sql.open(soci::sqlite3, fmt::format("db=\"{}\" timeout=5 readonly=true", path));
    return;
  }
  sql.open(soci::sqlite3, fmt::format("db=\"{}\" timeout=5", path));
  sql << "PRAGMA journal_mode = WAL";
  sql << "PRAGMA synchronous = FULL";
}

// A writer that stands still within its transaction, stopped or with its machine lost, would keep
// the others waiting for as long as its connection lives: the server ends it.
constexpr int kStandsStillSeconds = 10;
// A statement that waits for another one's transaction. Below kAnswerPatience, after which the
// whole connection is given up.
constexpr int kWaitsSeconds = 12;

void limit_writer(soci::session& sql, DatabaseKind kind) {
  if (kind == DatabaseKind::postgresql) {
    sql << fmt::format("SET idle_in_transaction_session_timeout = '{}s'", kStandsStillSeconds);
    sql << fmt::format("SET lock_timeout = '{}s'", kWaitsSeconds);
  } else if (kind == DatabaseKind::mysql) {
    // Only MariaDB reads the comment: MySQL has no such limit.
    sql << fmt::format(
        "SET /*M! SESSION idle_transaction_timeout = {}, */ SESSION innodb_lock_wait_timeout = {}",
        kStandsStillSeconds, kWaitsSeconds);
  }
}

}  // namespace

void open_session(soci::session& sql, const Database& database, Access access) {
  switch (database.kind) {
    case DatabaseKind::sqlite:
      return open_sqlite(sql, database.connection, access);
    case DatabaseKind::postgresql:
      sql.open("postgresql", database.connection);
      sql << "SET client_encoding = 'UTF8'";
      sql << "SET client_min_messages = 'warning'";  // not that a table is there already
      break;
    case DatabaseKind::mysql:
      sql.open("mysql", database.connection);
      break;
  }
  if (access == Access::write) limit_writer(sql, database.kind);
}

Result<void> check_there(const Database& database) {
  std::error_code error;
  if (database.kind != DatabaseKind::sqlite ||
      std::filesystem::is_regular_file(database.connection, error)) {
    return {};
  }
  return fail(Code::not_found, fmt::format("there is no orders database {}", database.connection));
}

Result<int> schema_version(soci::session& sql, const Database& database) {
  int newest = 0;
  try {
    sql << "SELECT COALESCE(MAX(version), 0) FROM sluice_schema", soci::into(newest);
  } catch (const soci::soci_error& e) {
    return fail(Code::not_found,
                fmt::format("{} has no tables of a sluice-worker: {}", database.shown, e.what()));
  }
  if (newest <= kSchemaVersion) return newest;
  return fail(Code::unsupported,
              fmt::format("the orders database has schema version {}, this program knows {}",
                          newest, kSchemaVersion));
}

std::unexpected<Error> unavailable(const std::string& what) {
  return fail(Code::unavailable, fmt::format("the orders database: {}", what));
}

}  // namespace sluice::orders
