#include "shared/orders/database.h"

#include <algorithm>
#include <array>
#include <ranges>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/url.hpp>

namespace sluice::orders {
namespace {

namespace urls = boost::urls;

constexpr std::string_view kSqlite = "sqlite:";
// Connecting has a limit in both clients.
constexpr int kConnectSeconds = 5;
// How long answers are waited for is watched.h's matter. This ends what it has given up on, as far
// as the clients can: a server that nothing is heard of any more, MySQL's also one that is silent.
constexpr int kAnswerSeconds = 30;
constexpr int kKeepaliveSeconds = 10;
constexpr std::array<std::string_view, 4> kMysqlParameters = {"unix_socket", "sslca", "sslcert",
                                                              "sslkey"};

std::unexpected<Error> refuse(std::string_view shown, std::string_view why) {
  return fail(Code::invalid, fmt::format("database is \"{}\", {}: expected sqlite:PATH, "
                                         "postgresql://USER:PASSWORD@HOST:PORT/NAME or "
                                         "mysql://USER:PASSWORD@HOST:PORT/NAME",
                                         shown, why));
}

std::string without_password(const urls::url_view& parsed) {
  urls::url shown(parsed);
  if (shown.has_password()) shown.set_password("***");
  return std::string(shown.buffer());
}

// libpq takes the URL as it is; what it lacks is added.
std::string postgresql_connection(const urls::url_view& parsed) {
  urls::url url(parsed);
  url.set_scheme("postgresql");
  const auto set_default = [&url](const char* name, int value) {
    if (!url.params().contains(name)) url.params().append({name, fmt::to_string(value)});
  };
  set_default("connect_timeout", kConnectSeconds);
  set_default("tcp_user_timeout", kAnswerSeconds * 1000);
  set_default("keepalives_idle", kKeepaliveSeconds);
  set_default("keepalives_interval", kKeepaliveSeconds);
  return std::string(url.buffer());
}

// As SOCI's reader of such texts wants a value.
std::string quoted(std::string_view value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

Result<std::string> mysql_connection(const urls::url_view& parsed, const std::string& shown) {
  std::string text =
      fmt::format("charset=utf8mb4 connect_timeout={} read_timeout={} write_timeout={}",
                  kConnectSeconds, kAnswerSeconds, kAnswerSeconds);
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) text += fmt::format(" {}={}", name, quoted(value));
  };
  add("db", parsed.path().substr(1));
  add("user", parsed.user());
  add("password", parsed.password());
  add("host", parsed.host_address());
  if (parsed.has_port()) text += fmt::format(" port={}", std::string(parsed.port()));
  for (const auto& parameter : parsed.params()) {
    const bool known = std::ranges::find(kMysqlParameters, parameter.key) != kMysqlParameters.end();
    if (!known) {
      return refuse(shown, fmt::format("and MySQL has no parameter \"{}\" here", parameter.key));
    }
    add(parameter.key, parameter.value);
  }
  return text;
}

}  // namespace

const char* Database::begin() const {
  switch (kind) {
    case DatabaseKind::sqlite:
      return "BEGIN IMMEDIATE";  // else two workers fail half-way instead of waiting
    case DatabaseKind::postgresql:
      return "BEGIN";
    case DatabaseKind::mysql:
      return "START TRANSACTION";
  }
  return "";
}

std::string Database::unless_there(std::string_view primary_key) const {
  if (kind != DatabaseKind::mysql) return fmt::format("ON CONFLICT ({}) DO NOTHING", primary_key);
  // INSERT IGNORE would take values that do not fit for a row that is there.
  const auto first = primary_key.substr(0, primary_key.find(','));
  return fmt::format("ON DUPLICATE KEY UPDATE {} = {}", first, first);
}

std::string Database::or_replace(std::string_view primary_key, std::string_view columns) const {
  const bool mysql = kind == DatabaseKind::mysql;
  std::vector<std::string> sets;
  for (const auto part : std::views::split(columns, std::string_view(", "))) {
    const std::string_view column(part.begin(), part.end());
    sets.push_back(mysql ? fmt::format("{} = VALUES({})", column, column)
                         : fmt::format("{} = excluded.{}", column, column));
  }
  const std::string set = fmt::format("{}", fmt::join(sets, ", "));
  if (mysql) return "ON DUPLICATE KEY UPDATE " + set;
  return fmt::format("ON CONFLICT ({}) DO UPDATE SET {}", primary_key, set);
}

Result<Database> parse_database(const std::string& text) {
  if (text.starts_with(kSqlite) && text.size() > kSqlite.size()) {
    return Database{DatabaseKind::sqlite, text.substr(kSqlite.size()), text};
  }
  const auto parsed = urls::parse_uri(text);
  if (!parsed) {
    // Where a password would be in it is not known.
    return refuse(text.substr(0, text.find(':')) + ":...", "which is no URL");
  }
  const std::string shown = without_password(*parsed);
  const std::string scheme(parsed->scheme());
  const bool postgresql = scheme == "postgresql" || scheme == "postgres";
  if (!postgresql && scheme != "mysql") return refuse(shown, "which is of no known kind");
  // What should be a port and is no number is taken for the beginning of the path.
  if (parsed->has_authority() && !parsed->path().empty() && !parsed->path().starts_with('/')) {
    return refuse(shown, "whose port is no number");
  }
  if (!parsed->has_authority() || parsed->path().size() < 2) {
    return refuse(shown, "which names no database");
  }
  if (postgresql) {
    return Database{DatabaseKind::postgresql, postgresql_connection(*parsed), shown};
  }
  TRY(connection, mysql_connection(*parsed, shown));
  return Database{DatabaseKind::mysql, std::move(connection), shown};
}

}  // namespace sluice::orders
