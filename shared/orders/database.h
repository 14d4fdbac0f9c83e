#pragma once
// Database: which database the orders are placed in, as the option `database` says it, and where
// its SQL is not everybody's.

#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace sluice::orders {

enum class DatabaseKind : unsigned char { sqlite, postgresql, mysql };

struct Database {
  DatabaseKind kind = DatabaseKind::sqlite;
  std::string connection;  // in SOCI's words; of SQLite: the path
  std::string shown;       // as it was given, but for the password: for logs and errors

  // The statement that begins a transaction in which another worker's is waited for.
  const char* begin() const;
  // What makes an INSERT into a table with this primary key (columns, comma separated) leave a row
  // alone that is there already.
  std::string unless_there(std::string_view primary_key) const;
  // What makes it replace these columns (comma separated, too) of a row that is there already.
  std::string or_replace(std::string_view primary_key, std::string_view columns) const;
};

// Takes sqlite:PATH, postgresql://[USER[:PASSWORD]@][HOST[:PORT]]/NAME[?PARAMETER=VALUE&...] with
// libpq's parameters, and mysql://... of the same shape with unix_socket, sslca, sslcert and
// sslkey. Code::invalid: anything else, said without the password.
Result<Database> parse_database(const std::string& text);

}  // namespace sluice::orders
