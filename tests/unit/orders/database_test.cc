#include "shared/orders/database.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::orders {
namespace {

TEST_CASE("a database is said by a URL") {
  struct Row {
    const char* text;
    DatabaseKind kind;
    const char* connection;
    const char* shown;
  };
  const Row rows[] = {
      {"sqlite:data/my orders.db", DatabaseKind::sqlite, "data/my orders.db",
       "sqlite:data/my orders.db"},
      {"postgresql://shop:p%40ss@db:5433/orders?sslmode=require", DatabaseKind::postgresql,
       "postgresql://shop:p%40ss@db:5433/"
       "orders?sslmode=require&connect_timeout=5&tcp_user_timeout=30000&keepalives_idle=10&"
       "keepalives_interval=10",
       "postgresql://shop:***@db:5433/orders?sslmode=require"},
      {"postgres:///orders?host=/run/postgresql&connect_timeout=1", DatabaseKind::postgresql,
       "postgresql:///orders?host=/run/"
       "postgresql&connect_timeout=1&tcp_user_timeout=30000&keepalives_idle=10&keepalives_interval="
       "10",
       "postgres:///orders?host=/run/postgresql&connect_timeout=1"},
      {"mysql://shop:p%40s%27s%22%5C@db:3307/orders", DatabaseKind::mysql,
       "charset=utf8mb4 connect_timeout=5 read_timeout=30 write_timeout=30 db='orders' "
       "user='shop' password='p@s\\'s\"\\\\' host='db' port=3307",
       "mysql://shop:***@db:3307/orders"},
      {"mysql://root@localhost/orders?unix_socket=/run/m.sock", DatabaseKind::mysql,
       "charset=utf8mb4 connect_timeout=5 read_timeout=30 write_timeout=30 db='orders' "
       "user='root' host='localhost' unix_socket='/run/m.sock'",
       "mysql://root@localhost/orders?unix_socket=/run/m.sock"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.text));
    const auto parsed = parse_database(row.text);
    REQUIRE_MESSAGE(parsed, parsed.error().context);
    CHECK(parsed->kind == row.kind);
    CHECK(parsed->connection == row.connection);
    CHECK(parsed->shown == row.shown);
  }
}

TEST_CASE("what is none is refused by name, without its password") {
  struct Row {
    const char* text;
    const char* said;
  };
  const Row rows[] = {
      {"", "no URL"},
      {"sqlite:", "no known kind"},
      {"orders.db", "no URL"},
      {"oracle:x", "\"oracle:x\", which is of no known kind"},
      {"postgresql://db", "names no database"},
      {"mysql://db/", "names no database"},
      {"postgresql://db:5432/", "names no database"},
      {"mysql:orders", "names no database"},
      {"mysql://u:secret@db/orders?sslmode=1", "no parameter \"sslmode\""},
      {"mysql://u:secret@db:port/orders", "port is no number"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.text));
    const auto parsed = parse_database(row.text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == Code::invalid);
    CHECK_MESSAGE(parsed.error().context.find(row.said) != std::string::npos,
                  parsed.error().context);
    CHECK(parsed.error().context.find("secret") == std::string::npos);
  }
}

}  // namespace
}  // namespace sluice::orders
