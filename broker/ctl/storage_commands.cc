#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <CLI/CLI.hpp>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/json.h"
#include "broker/ctl/print.h"
#include "broker/log/rocks_store.h"
#include "broker/log/rocks_store_backups.h"
#include "broker/log/rocks_store_files.h"
#include "broker/log/verify.h"

namespace sluice::ctl {

namespace {

using broker::Finding;

struct StorageArguments {
  std::string data_dir;
  std::string backup_dir;
  std::optional<std::uint32_t> backup;
};
using Arguments = std::shared_ptr<StorageArguments>;

Result<void> restore(Context& context, const StorageArguments& arguments) {
  TRY(backup, broker::restore_backup(arguments.backup_dir, arguments.backup, arguments.data_dir));
  if (context.json()) {
    json::object object{{"id", backup.id}, {"data_dir", arguments.data_dir}};
    put_time(object, "created_at", backup.created_at);
    object["bytes"] = backup.bytes;
    object["files"] = backup.files;
    print_json(context.terminal.out, object);
    return {};
  }
  Properties lines;
  lines.add("restored", fmt::format("backup {}", backup.id));
  lines.add("created", time_text(backup.created_at));
  lines.add("size", size_text(static_cast<std::int64_t>(backup.bytes)));
  lines.add("into", arguments.data_dir);
  lines.print(context.terminal.out);
  return {};
}

// All that was looked at.
struct Checked {
  std::string what;  // the directory, or the backup in it
  std::optional<broker::FilesReport> files;
  broker::VerifyReport records;
  std::vector<Finding> findings;
};

void walk(broker::ReadOnlyStore read, Checked& checked) {
  std::ranges::move(read.findings, std::back_inserter(checked.findings));
  if (!read.store) return;
  checked.records = broker::Verifier(*read.store).run();
  std::ranges::copy(checked.records.findings, std::back_inserter(checked.findings));
}

Result<Checked> check_data_dir(const std::string& data_dir) {
  std::error_code error;
  if (!std::filesystem::is_directory(data_dir + "/db", error) &&
      !std::filesystem::exists(data_dir + "/acknowledged", error)) {
    return fail(Code::not_found, fmt::format("{} is not a broker's data_dir", data_dir));
  }
  const auto lock = broker::DirectoryLock::take(data_dir);
  if (!lock) return std::unexpected(lock.error());
  auto opened = broker::open_rocks_store_read_only(data_dir);
  Checked checked{.what = data_dir, .files = broker::check_files(data_dir, opened)};
  checked.findings = checked.files->findings;
  walk(std::move(opened), checked);
  return checked;
}

Result<Checked> check_backup(const StorageArguments& arguments) {
  TRY(open, broker::open_backup(arguments.backup_dir, arguments.backup));
  Checked checked{.what = fmt::format("backup {} in {}", open.info.id, arguments.backup_dir)};
  const auto files = open.read.files;  // outlives the store
  walk(std::move(open.read), checked);
  return checked;
}

json::object finding_json(const Finding& finding) {
  json::object object{{"warning", finding.warning}, {"text", finding.text()}};
  const auto add = [&object](const char* name, bool known, json::value value) {
    object[name] = known ? std::move(value) : json::value(nullptr);
  };
  add("file", !finding.file.empty(), json::value(finding.file));
  add("byte", finding.at >= 0, finding.at);
  add("topic", !finding.topic.empty(), json::value(finding.topic));
  add("partition", finding.partition >= 0, finding.partition);
  add("offset", finding.offset >= 0, finding.offset);
  object["what"] = finding.what;
  return object;
}

void print_checked_json(Context& context, const Checked& checked, bool clean) {
  const auto& records = checked.records;
  json::object counts{{"topics", records.topics},
                      {"partitions", records.partitions},
                      {"parts", records.parts},
                      {"producers", records.producers},
                      {"group_offsets", records.group_offsets},
                      {"values", records.values},
                      {"batches", records.batches},
                      {"records", records.records},
                      {"bytes", records.bytes},
                      {"key_index_entries", records.index_entries},
                      {"delayed_records", records.delayed_records},
                      {"forgotten_bytes", records.forgotten_bytes}};
  if (checked.files) {
    counts["table_files"] = checked.files->tables;
    counts["table_bytes"] = checked.files->table_bytes;
    counts["log_files"] = checked.files->logs;
    counts["log_bytes"] = checked.files->log_bytes;
    counts["log_writes"] = checked.files->log_writes;
  }
  json::array findings;
  for (const Finding& finding : checked.findings) findings.push_back(finding_json(finding));
  print_json(context.terminal.out, json::object{{"checked", checked.what},
                                                {"clean", clean},
                                                {"counts", std::move(counts)},
                                                {"findings", std::move(findings)},
                                                {"findings_left_off", records.findings_left_off}});
}

void print_checked(Context& context, const Checked& checked) {
  const auto& records = checked.records;
  const auto bytes = [](std::uint64_t n) { return size_text(static_cast<std::int64_t>(n)); };
  Properties lines;
  lines.add("checked", checked.what);
  if (checked.files) {
    lines.add("table files",
              fmt::format("{}, {}", checked.files->tables, bytes(checked.files->table_bytes)));
    lines.add("write-ahead logs",
              fmt::format("{}, {}, {} writes", checked.files->logs, bytes(checked.files->log_bytes),
                          checked.files->log_writes));
  }
  lines.add("topics", fmt::to_string(records.topics));
  lines.add("partitions", fmt::format("{} in {} parts", records.partitions, records.parts));
  lines.add("records", fmt::format("{} in {} batches, {}", records.records, records.batches,
                                   bytes(records.bytes)));
  lines.add("forgotten", fmt::format("{} not given back yet", bytes(records.forgotten_bytes)));
  lines.add("key index", fmt::format("{} entries", records.index_entries));
  lines.add("delayed", fmt::format("{} records wait", records.delayed_records));
  lines.add("producers", fmt::to_string(records.producers));
  lines.add("group offsets", fmt::to_string(records.group_offsets));
  lines.print(context.terminal.out);
  for (const Finding& finding : checked.findings) {
    context.terminal.out << (finding.warning ? "warning: " : "FINDING: ")
                         << printable(finding.text()) << "\n";
  }
}

Result<void> verify(Context& context, const StorageArguments& arguments) {
  TRY(checked,
      arguments.backup_dir.empty() ? check_data_dir(arguments.data_dir) : check_backup(arguments));
  const auto warnings =
      static_cast<std::size_t>(std::ranges::count_if(checked.findings, &Finding::warning));
  const std::size_t damages =
      checked.findings.size() - warnings + checked.records.findings_left_off;
  if (context.json()) {
    print_checked_json(context, checked, damages == 0);
  } else {
    print_checked(context, checked);
  }
  if (damages > 0) {
    return fail(Code::corrupt,
                fmt::format("{} finding{}: restore a backup, or read docs/operations.md", damages,
                            damages == 1 ? "" : "s"));
  }
  context.say(warnings == 0 ? "clean" : fmt::format("clean, {} warnings", warnings));
  return {};
}

}  // namespace

void add_storage_commands(CLI::App& app, Context& context) {
  const auto arguments = std::make_shared<StorageArguments>();

  CLI::App* command = app.add_subcommand("restore", "Bring a backup back; no broker is needed");
  command->footer(
      "The data directory must not exist or be empty. Every file's checksum is checked on the\n"
      "way. Then start a broker on it.\n"
      "\n"
      "Examples:\n"
      "  sluicectl restore --backup-dir /backup/mq --data-dir data/mq\n"
      "  sluicectl restore --backup-dir /backup/mq --backup 3 --data-dir data/then");
  command->add_option("--backup-dir", arguments->backup_dir, "The broker's backup_dir")
      ->required()
      ->type_name("DIR");
  command->add_option("--data-dir", arguments->data_dir, "Where to write; a broker's data_dir")
      ->required()
      ->type_name("DIR");
  command->add_option("--backup", arguments->backup, "Which; the newest if not given")
      ->type_name("BACKUP");
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return restore(context, *arguments); };
  });

  command = app.add_subcommand("verify", "Check a stopped broker's data, or a backup");
  command->footer(
      "Reads every file and every record, changes nothing: checksums of table files and logs,\n"
      "every stored key, every record batch's CRC, dense offsets, the index against the log,\n"
      "committed offsets. Exit code 0: clean, or warnings only; 1: findings.\n"
      "\n"
      "Examples:\n"
      "  sluicectl verify data/mq\n"
      "  sluicectl verify --backup-dir /backup/mq\n"
      "  sluicectl verify data/mq -o json | jq '.findings[].text'");
  CLI::Option* data_dir =
      command->add_option("data_dir", arguments->data_dir, "The broker's data_dir")
          ->type_name("DIR");
  CLI::Option* backup_dir =
      command->add_option("--backup-dir", arguments->backup_dir, "Check a backup in here instead")
          ->type_name("DIR")
          ->excludes(data_dir);
  command->add_option("--backup", arguments->backup, "Which; the newest if not given")
      ->type_name("BACKUP")
      ->needs(backup_dir);
  command->callback([&context, arguments] {
    if (arguments->data_dir.empty() && arguments->backup_dir.empty()) {
      throw CLI::RequiredError("data_dir or --backup-dir");
    }
    context.action = [&context, arguments] { return verify(context, *arguments); };
  });
}

}  // namespace sluice::ctl
