#include "broker/admin/backup_routes.h"

#include <charconv>
#include <string>

#include <fmt/format.h>

#include "shared/http/problem.h"
#include "shared/log/log.h"

namespace sluice::broker {
namespace {

// The body's members without the braces, so that more can follow.
std::string members_of(const BackupInfo& backup) {
  return fmt::format("\"id\":{},\"created_at_ms\":{},\"bytes\":{},\"files\":{}", backup.id,
                     backup.created_at, backup.bytes, backup.files);
}

http::Response refusal(const Error& error) {
  int status = 500;
  switch (error.code) {
    case Code::unsupported:
    case Code::overloaded:
      status = 409;
      break;
    case Code::not_found:
      status = 404;
      break;
    case Code::closed:
      status = 503;
      break;
    default:
      log::error("backup failed reason={}", log::quoted(error.context));
  }
  return http::Problem(status, name_of(error.code)).detail(error.context).response();
}

Task<http::Response> create(Backups& backups) {
  const auto made = co_await backups.create();
  if (!made) co_return refusal(made.error());
  const BackupInfo& info = made->backup.info;
  log::info("backup made id={} bytes={} new_bytes={} took_ms={}", info.id, info.bytes,
            made->backup.new_bytes, made->took.count());
  auto response = http::Response::json(
      201, fmt::format("{{{},\"new_bytes\":{},\"took_ms\":{}}}\n", members_of(info),
                       made->backup.new_bytes, made->took.count()));
  response.add("Location", fmt::format("/v1/backups/{}", info.id));
  co_return response;
}

Task<http::Response> list(Backups& backups) {
  const auto all = co_await backups.list();
  if (!all) co_return refusal(all.error());
  Buffer body = "{\"directory\":";
  http::append_json_string(body, backups.directory());
  body += ",\"running\":";
  if (const auto running = backups.running()) {
    body += fmt::format("{{\"copied_bytes\":{},\"since_ms\":{}}}", running->copied_bytes,
                        running->since.count());
  } else {
    body += "null";
  }
  body += ",\"backups\":[";
  for (std::size_t i = 0; i < all->size(); ++i) {
    body += fmt::format("{}{{{}}}", i == 0 ? "" : ",", members_of((*all)[i]));
  }
  body += "]}\n";
  co_return http::Response::json(200, std::move(body));
}

Task<http::Response> remove(Backups& backups, std::string name) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
  if (error != std::errc() || end != name.data() + name.size()) {
    co_return refusal({Code::not_found, "a backup's id is a number"});
  }
  const auto removed = co_await backups.remove(id);
  if (!removed) co_return refusal(removed.error());
  log::info("backup removed id={}", id);
  co_return http::Response(204);
}

}  // namespace

void add_backup_routes(http::Router& router, Backups& backups) {
  router.add("POST", "/v1/backups",
             [&backups](const http::Request&) -> http::Answer { return create(backups); });
  router.add("GET", "/v1/backups",
             [&backups](const http::Request&) -> http::Answer { return list(backups); });
  router.add("DELETE", "/v1/backups/{id}",
             [&backups](const http::Request& request) -> http::Answer {
               return remove(backups, std::string(request.param("id")));
             });
}

}  // namespace sluice::broker
