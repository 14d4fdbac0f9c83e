#include "shared/orders/session.h"

#include <fmt/format.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

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

}  // namespace

void open_session(soci::session& sql, const Database& database, Access access) {
  switch (database.kind) {
    case DatabaseKind::sqlite:
      return open_sqlite(sql, database.connection, access);
    case DatabaseKind::postgresql:
      sql.open("postgresql", database.connection);
      sql << "SET client_encoding = 'UTF8'";
      return;
    case DatabaseKind::mysql:
      sql.open("mysql", database.connection);
      return;
  }
}

std::unexpected<Error> unavailable(const std::string& what) {
  return fail(Code::unavailable, fmt::format("the orders database: {}", what));
}

}  // namespace sluice::orders
