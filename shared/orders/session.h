#pragma once
// Opening SOCI's connection to an orders database.

#include <string>

#include "shared/base/result.h"
#include "shared/orders/database.h"

namespace soci {
class session;
}  // namespace soci

namespace sluice::orders {

enum class Access : unsigned char {
  read,   // SQLite's file has to be there
  write,  // SQLite's file is made if it is not there
};

// Throws soci::soci_error. The servers' clients are loaded when they are asked for:
// libsoci-postgresql4.0, libsoci-mysql4.0.
void open_session(soci::session& sql, const Database& database, Access access);

// Code::not_found: SQLite's file is not there. Servers say it when they are asked.
Result<void> check_there(const Database& database);

// Of its tables. Errors: not_found (there are none), unsupported (made by a newer version).
Result<int> schema_version(soci::session& sql, const Database& database);

// What every failure of the database is to its caller: a later attempt may go well.
std::unexpected<Error> unavailable(const std::string& what);

}  // namespace sluice::orders
