#pragma once
// The tables of the orders database, and their versions (docs/orders-database.md).

#include "shared/base/result.h"
#include "shared/orders/database.h"

namespace soci {
class session;
}  // namespace soci

namespace sluice::worker {

// Makes the tables that are not there, and brings those of an older version to this one. Within a
// transaction; several workers may start at once. A kill in between is made good by the next start.
// Code::unsupported: they were made by a newer version. Throws soci::soci_error.
Result<void> make_tables(soci::session& sql, orders::DatabaseKind kind);

}  // namespace sluice::worker
