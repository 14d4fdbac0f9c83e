#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/ctl/admin_client.h"
#include "broker/ctl/admin_json.h"
#include "broker/ctl/admin_option.h"
#include "broker/ctl/admin_records.h"
#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/json.h"
#include "broker/ctl/print.h"

namespace sluice::ctl {

namespace {

// What the broker gives at once.
constexpr std::int64_t kPageRecords = 1'000;

struct DelayArguments {
  std::string admin = kAdminDefault;
  std::string topic;
  std::string from;
  std::vector<std::string> ids;
  std::int32_t partition = -1;  // -1: all
  std::int64_t limit = 100;
  bool yes = false;
};

Result<AdminReply> ask(const Context& context, const DelayArguments& arguments,
                       std::string_view method, const std::string& rest) {
  return ask_admin(
      {.address = arguments.admin,
       .method = method,
       .path = fmt::format("/v1/topics/{}/delayed{}", percent_encoded(arguments.topic), rest),
       .connect_timeout = context.timeout(),
       .answer_timeout = context.timeout(),
       .waiting = {}});
}

json::object with_times(const DelayArguments& arguments, const json::object& record) {
  json::object whole{{"topic", arguments.topic}};
  for (const auto& member : record) {
    whole.insert(member);
    if (member.key() == "due_ms") put_time(whole, "due", number_in(record, "due_ms"));
    if (member.key() == "timestamp_ms") {
      put_time(whole, "timestamp", number_in(record, "timestamp_ms"));
    }
  }
  return whole;
}

std::string text_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

// What a record has, or why it cannot be read.
std::string content_or_damage(const json::object& record) {
  const std::string damage = text_in(record, "damage");
  return damage.empty() ? content_text(record) : "damaged: " + printable(damage);
}

// How many were printed.
std::int64_t print_page(const Context& context, const DelayArguments& arguments,
                        const json::object& page) {
  const json::value* records = page.if_contains("records");
  if (records == nullptr || !records->is_array()) return 0;
  std::ostream& out = context.terminal.out;
  std::int64_t printed = 0;
  for (const json::value& value : records->as_array()) {
    if (!value.is_object()) continue;
    const json::object& record = value.as_object();
    printed += 1;
    if (context.json()) {
      print_json(out, with_times(arguments, record));
    } else {
      out << fmt::format("{}  {}  {}\n", text_in(record, "id"),
                         time_text(number_in(record, "due_ms")), content_or_damage(record));
    }
  }
  out.flush();
  return printed;
}

Result<void> list(const Context& context, const DelayArguments& arguments) {
  std::string from = arguments.from;
  for (std::int64_t left = arguments.limit; left > 0;) {
    std::string query = fmt::format("?limit={}", std::min(kPageRecords, left));
    if (arguments.partition >= 0) query += fmt::format("&partition={}", arguments.partition);
    if (!from.empty()) query += "&from=" + percent_encoded(from);
    TRY(reply, ask(context, arguments, "GET", query));
    TRY(page, answer_of(reply));
    left -= print_page(context, arguments, page);
    from = text_in(page, "next");
    if (!from.empty() && left > 0 && context.terminal.out) continue;
    const std::int64_t pending = number_in(page, "pending");
    context.say(from.empty()
                    ? fmt::format("{} delayed records wait in topic {}", pending, arguments.topic)
                    : fmt::format("{} delayed records wait in topic {}, more from --from {} on",
                                  pending, arguments.topic, from));
    break;
  }
  return {};
}

Result<void> show(const Context& context, const DelayArguments& arguments) {
  TRY(reply, ask(context, arguments, "GET", "/" + percent_encoded(arguments.ids.front())));
  TRY(record, answer_of(reply));
  if (context.json()) {
    print_json(context.terminal.out, with_times(arguments, record));
    return {};
  }
  Properties lines;
  lines.add("id", text_in(record, "id"));
  lines.add("partition", fmt::to_string(number_in(record, "partition")));
  lines.add("due", time_text(number_in(record, "due_ms")));
  if (record.contains("timestamp_ms")) {
    lines.add("time", time_text(number_in(record, "timestamp_ms")));
  }
  lines.add("content", content_or_damage(record));
  lines.print(context.terminal.out);
  return {};
}

Result<void> cancel(const Context& context, const DelayArguments& arguments) {
  const std::size_t count = arguments.ids.size();
  TRY_VOID(context.confirm(
      count == 1
          ? fmt::format("Cancel the delivery of {}? It cannot be brought back.",
                        arguments.ids.front())
          : fmt::format("Cancel the delivery of {} records? They cannot be brought back.", count),
      arguments.yes));
  std::size_t failed = 0;
  for (const std::string& id : arguments.ids) {
    TRY(reply, ask(context, arguments, "DELETE", "/" + percent_encoded(id)));
    if (reply.status == 204) {
      context.say(fmt::format("cancelled {}", id));
      continue;
    }
    const auto answer = answer_of(reply);
    context.say(answer ? fmt::format("the admin HTTP answered {}", reply.status)
                       : answer.error().context);
    failed += 1;
  }
  if (failed == 0) return {};
  return fail(Code::not_found, fmt::format("{} of {} were not cancelled", failed, count));
}

using Arguments = std::shared_ptr<DelayArguments>;

CLI::App* add_command(CLI::App& delay, const Arguments& arguments, const char* name,
                      const char* about) {
  CLI::App* command = delay.add_subcommand(name, about);
  command->add_option("topic", arguments->topic, "Which")->required()->type_name("TOPIC");
  add_admin_option(*command, arguments->admin);
  return command;
}

void add_list(CLI::App& delay, Context& context, const Arguments& arguments) {
  CLI::App* command = add_command(delay, arguments, "list", "List what waits for its delivery");
  command->footer(
      "Partition by partition, the next that is due first. A line has id, due time, key, value "
      "and\n"
      "headers; with -o json each line is one object. How many wait in all is said on stderr.\n"
      "\n"
      "Examples:\n"
      "  sluicectl delay list timeouts\n"
      "  sluicectl delay list timeouts --partition 3 --limit 10 --admin broker:9644\n"
      "  sluicectl delay list timeouts -o json | jq -r 'select(.key==\"order-17\").id'");
  command->add_option("-p,--partition", arguments->partition, "Else all")
      ->check(CLI::Range(0, 1'000'000))
      ->type_name("N")
      ->default_str("");
  command->add_option("--from", arguments->from, "Begin at this record")->type_name("ID");
  command->add_option("-n,--limit", arguments->limit, "Stop after so many records")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}))
      ->type_name("N")
      ->capture_default_str();
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return list(context, *arguments); };
  });
}

void add_show(CLI::App& delay, Context& context, const Arguments& arguments) {
  CLI::App* command = add_command(delay, arguments, "show", "Show one delayed record");
  command->footer(
      "Example:\n"
      "  sluicectl delay show timeouts 3-1767225600000-17");
  command->add_option("id", arguments->ids, "As 'delay list' has it")
      ->required()
      ->expected(1)
      ->type_name("ID");
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return show(context, *arguments); };
  });
}

void add_cancel(CLI::App& delay, Context& context, const Arguments& arguments) {
  CLI::App* command = add_command(delay, arguments, "cancel", "Take delayed records away");
  command->footer(
      "What is cancelled is never delivered. Exit code 1 when one is not there any more: it was\n"
      "delivered or cancelled.\n"
      "\n"
      "Examples:\n"
      "  sluicectl delay cancel timeouts 3-1767225600000-17\n"
      "  sluicectl delay list timeouts -o json | jq -r .id | xargs sluicectl delay cancel --yes "
      "timeouts");
  command->add_option("id", arguments->ids, "As 'delay list' has it")->required()->type_name("ID");
  command->add_flag("-y,--yes", arguments->yes, "Do not ask");
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return cancel(context, *arguments); };
  });
}

}  // namespace

void add_delay_commands(CLI::App& app, Context& context) {
  CLI::App* delay = app.add_subcommand("delay", "Delayed records");
  delay->require_subcommand(1);
  delay->footer(
      "A record of a topic with delivery.delay.enable=true and a header deliver-at (Unix ms) or\n"
      "delay-ms can be read when it is due. 'sluicectl delay COMMAND --help' has examples.");
  const auto arguments = std::make_shared<DelayArguments>();
  add_list(*delay, context, arguments);
  add_show(*delay, context, arguments);
  add_cancel(*delay, context, arguments);
}

}  // namespace sluice::ctl
