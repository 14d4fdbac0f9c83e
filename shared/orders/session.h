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

// What every failure of the database is to its caller: a later attempt may go well.
std::unexpected<Error> unavailable(const std::string& what);

}  // namespace sluice::orders
