#include <fmt/format.h>

#include <boost/json.hpp>
#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>

#include "broker/ctl/admin_client.h"
#include "broker/ctl/admin_json.h"
#include "broker/ctl/admin_option.h"
#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/json.h"
#include "broker/ctl/print.h"
#include "broker/log/rocks_store_backups.h"

namespace sluice::ctl {

namespace {

struct BackupArguments {
  std::string admin = kAdminDefault;
  std::string directory;
  std::uint32_t id = 0;
  bool yes = false;
};
using Arguments = std::shared_ptr<BackupArguments>;

AdminCall call_of(const Context& context, const BackupArguments& arguments, std::string_view method,
                  std::string path) {
  return {.address = arguments.admin,
          .method = method,
          .path = std::move(path),
          .connect_timeout = context.timeout(),
          .waiting = {}};
}

json::object backup_json(const broker::BackupInfo& backup) {
  json::object object{{"id", backup.id}};
  put_time(object, "created_at", backup.created_at);
  object["bytes"] = backup.bytes;
  object["files"] = backup.files;
  return object;
}

// How far it is, for who watches.
void show_progress(const Context& context, const BackupArguments& arguments) {
  auto call = call_of(context, arguments, "GET", "/v1/backups");
  call.answer_timeout = context.timeout();
  const auto reply = ask_admin(call);
  if (!reply) return;
  const auto answer = answer_of(*reply);
  const json::value* running = answer ? answer->if_contains("running") : nullptr;
  if (running == nullptr || !running->is_object()) return;
  context.say(fmt::format("{} copied after {} s",
                          size_text(number_in(running->as_object(), "copied_bytes")),
                          number_in(running->as_object(), "since_ms") / 1000));
}

Result<void> create(Context& context, const BackupArguments& arguments) {
  auto call = call_of(context, arguments, "POST", "/v1/backups");
  if (context.terminal.in_is_tty) {
    call.waiting = [&] { show_progress(context, arguments); };
  }
  TRY(reply, ask_admin(call));
  TRY(made, answer_of(reply));
  if (context.json()) {
    put_time(made, "created_at", number_in(made, "created_at_ms"));
    print_json(context.terminal.out, made);
    return {};
  }
  Properties lines;
  lines.add("backup", fmt::to_string(number_in(made, "id")));
  lines.add("created", time_text(number_in(made, "created_at_ms")));
  lines.add("size", size_text(number_in(made, "bytes")));
  lines.add("new", size_text(number_in(made, "new_bytes")));
  lines.add("files", fmt::to_string(number_in(made, "files")));
  lines.add("took", fmt::format("{} ms", number_in(made, "took_ms")));
  lines.print(context.terminal.out);
  return {};
}

Result<std::vector<broker::BackupInfo>> backups_of(const Context& context,
                                                   const BackupArguments& arguments) {
  if (!arguments.directory.empty()) return broker::list_backups(arguments.directory);
  auto call = call_of(context, arguments, "GET", "/v1/backups");
  call.answer_timeout = context.timeout();
  TRY(reply, ask_admin(call));
  TRY(answer, answer_of(reply));
  std::vector<broker::BackupInfo> backups;
  const json::value* all = answer.if_contains("backups");
  if (all == nullptr || !all->is_array()) return backups;
  for (const json::value& value : all->as_array()) {
    const json::object* backup = value.if_object();
    if (backup == nullptr) continue;
    backups.push_back({.id = static_cast<std::uint32_t>(number_in(*backup, "id")),
                       .created_at = number_in(*backup, "created_at_ms"),
                       .bytes = static_cast<std::uint64_t>(number_in(*backup, "bytes")),
                       .files = static_cast<std::uint64_t>(number_in(*backup, "files"))});
  }
  return backups;
}

Result<void> list(Context& context, const BackupArguments& arguments) {
  TRY(backups, backups_of(context, arguments));
  if (context.json()) {
    json::array array;
    for (const auto& backup : backups) array.push_back(backup_json(backup));
    print_json(context.terminal.out, array);
    return {};
  }
  Table table({"BACKUP", "CREATED", "SIZE", "FILES"});
  for (const auto& backup : backups) {
    table.add({fmt::to_string(backup.id), time_text(backup.created_at),
               size_text(static_cast<std::int64_t>(backup.bytes)), fmt::to_string(backup.files)});
  }
  table.print(context.terminal.out);
  return {};
}

Result<void> remove(Context& context, const BackupArguments& arguments) {
  TRY_VOID(context.confirm(fmt::format("Delete backup {} for ever?", arguments.id), arguments.yes));
  auto call = call_of(context, arguments, "DELETE", fmt::format("/v1/backups/{}", arguments.id));
  TRY(reply, ask_admin(call));
  if (reply.status != 204) return std::unexpected(answer_of(reply).error());
  context.say(fmt::format("backup {} is deleted", arguments.id));
  return {};
}

}  // namespace

void add_backup_commands(CLI::App& app, Context& context) {
  CLI::App* backup = app.add_subcommand("backup", "Backups of a running broker");
  backup->require_subcommand(1);
  backup->footer(
      "The broker makes them in its option backup_dir; 'sluicectl restore' brings one back.\n"
      "'sluicectl backup COMMAND --help' has examples.");
  const auto arguments = std::make_shared<BackupArguments>();

  CLI::App* command = backup->add_subcommand("create", "Make one, beside what goes on");
  command->footer(
      "Everything that was acknowledged before the call is in it. Files that an earlier backup\n"
      "has are shared with it: NEW says what was added.\n"
      "\n"
      "Examples:\n"
      "  sluicectl backup create\n"
      "  sluicectl backup create --admin broker:9644 -o json | jq .id");
  add_admin_option(*command, arguments->admin);
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return create(context, *arguments); };
  });

  command = backup->add_subcommand("list", "List them, oldest first");
  command->footer(
      "Examples:\n"
      "  sluicectl backup list\n"
      "  sluicectl backup list --backup-dir /backup/mq      # no broker is asked");
  CLI::Option* admin = add_admin_option(*command, arguments->admin);
  command->add_option("--backup-dir", arguments->directory, "Read this directory, ask no broker")
      ->type_name("DIR")
      ->excludes(admin);
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return list(context, *arguments); };
  });

  command = backup->add_subcommand("delete", "Delete one, and the files only it needs");
  command->footer("Example:\n  sluicectl backup delete 3 --yes");
  add_admin_option(*command, arguments->admin);
  command->add_option("backup", arguments->id, "Its number")->required()->type_name("BACKUP");
  command->add_flag("-y,--yes", arguments->yes, "Do not ask");
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return remove(context, *arguments); };
  });
}

}  // namespace sluice::ctl
