#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "broker/ctl/admin_client.h"
#include "broker/ctl/admin_json.h"
#include "broker/ctl/admin_option.h"
#include "broker/ctl/admin_records.h"
#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/json.h"
#include "broker/ctl/print.h"
#include "shared/base/base64.h"

namespace sluice::ctl {

namespace {

// What the broker gives at once.
constexpr std::int64_t kPageRecords = 1'000;

struct MessageArguments {
  std::string admin = kAdminDefault;
  std::string topic;
  std::optional<std::string> key;
  std::optional<std::string> key_base64;
  std::int32_t partition = -1;  // -1: all
  std::int64_t limit = 100;
};

void print_line(std::ostream& out, const json::object& record) {
  out << fmt::format("{}:{}  {}  {}\n", number_in(record, "partition"), number_in(record, "offset"),
                     time_text(number_in(record, "timestamp_ms")), content_text(record));
}

// One find, page by page.
class Find {
 public:
  Find(Context& context, const MessageArguments& arguments, Buffer key)
      : context_(context), arguments_(arguments), key_(std::move(key)) {}

  Result<void> run();

 private:
  Result<json::object> ask(const std::string& from) const;
  void print(const json::object& page);
  void say_how() const;

  Context& context_;
  const MessageArguments& arguments_;
  const Buffer key_;
  std::int64_t found_ = 0;
  std::int64_t indexed_ = 0;
  std::int64_t scanned_ = 0;
  std::int64_t read_bytes_ = 0;
  std::int64_t unreadable_ = 0;
};

Result<json::object> Find::ask(const std::string& from) const {
  std::string path =
      fmt::format("/v1/topics/{}/messages?key={}&limit={}", percent_encoded(arguments_.topic),
                  percent_encoded(key_), std::min(kPageRecords, arguments_.limit - found_));
  if (arguments_.partition >= 0) path += fmt::format("&partition={}", arguments_.partition);
  if (!from.empty()) path += "&from=" + percent_encoded(from);
  TRY(reply, ask_admin({.address = arguments_.admin,
                        .path = std::move(path),
                        .connect_timeout = context_.timeout(),
                        .answer_timeout = context_.timeout(),
                        .waiting = {}}));
  return answer_of(reply);
}

void Find::print(const json::object& page) {
  const json::value* records = page.if_contains("records");
  if (records == nullptr || !records->is_array()) return;
  for (const json::value& value : records->as_array()) {
    if (!value.is_object()) continue;
    found_ += 1;
    if (context_.json()) {
      json::object record{{"topic", arguments_.topic}};
      for (const auto& member : value.as_object()) {
        record.insert(member);
        if (member.key() == "timestamp_ms") {
          put_time(record, "timestamp", number_in(value.as_object(), "timestamp_ms"));
        }
      }
      print_json(context_.terminal.out, record);
    } else {
      print_line(context_.terminal.out, value.as_object());
    }
  }
  context_.terminal.out.flush();
}

void Find::say_how() const {
  if (scanned_ > 0) {
    context_.say(
        fmt::format("{} of {} offsets are in no key index: they were read one by one, {}; "
                    "the topic's key.index.enable=true makes an index",
                    scanned_, scanned_ + indexed_, size_text(read_bytes_)));
  }
  if (unreadable_ > 0) {
    context_.say(
        fmt::format("{} batches could not be looked into: they do not decompress", unreadable_));
  }
}

Result<void> Find::run() {
  for (std::string from;;) {
    TRY(page, ask(from));
    print(page);
    indexed_ += number_in(page, "indexed_offsets");
    scanned_ += number_in(page, "scanned_offsets");
    read_bytes_ += number_in(page, "read_bytes");
    unreadable_ += number_in(page, "unreadable_batches");
    const json::value* next = page.if_contains("next");
    if (next == nullptr || !next->is_string()) break;
    if (found_ >= arguments_.limit) {
      context_.say(fmt::format("there may be more: --limit was {}", arguments_.limit));
      break;
    }
    if (!context_.terminal.out) break;
    from = next->as_string();
  }
  say_how();
  if (found_ > 0) return {};
  return fail(Code::not_found,
              fmt::format("topic {} has no record with that key", arguments_.topic));
}

Result<void> find(Context& context, const MessageArguments& arguments) {
  if (arguments.key) return Find(context, arguments, *arguments.key).run();
  if (!arguments.key_base64) return fail(Code::invalid, "which key? --key or --key-base64");
  const auto key = from_base64(*arguments.key_base64);
  if (!key) return fail(Code::invalid, "--key-base64 is not base64");
  return Find(context, arguments, *key).run();
}

}  // namespace

void add_message_commands(CLI::App& app, Context& context) {
  CLI::App* message = app.add_subcommand("message", "Single records");
  message->require_subcommand(1);
  message->footer("'sluicectl message COMMAND --help' has examples.");
  const auto arguments = std::make_shared<MessageArguments>();

  CLI::App* command = message->add_subcommand("find", "Find the records with a key");
  command->footer(
      "Asks the broker's admin HTTP. With the topic's key.index.enable=true it is quick; without,\n"
      "and as far as the index does not reach yet, the topic is read, which is said on stderr.\n"
      "A line has partition:offset, time, key and value; with -o json each line is one object.\n"
      "Oldest first within a partition. Exit code 1 when there is none.\n"
      "\n"
      "Examples:\n"
      "  sluicectl message find orders --key order-17\n"
      "  sluicectl message find orders --key order-17 -o json | jq -r .value\n"
      "  sluicectl message find orders --key-base64 AAEC/w== --partition 3 --admin broker:9644");
  command->add_option("topic", arguments->topic, "Which")->required()->type_name("TOPIC");
  CLI::Option* key =
      command->add_option("-k,--key", arguments->key, "The key, as text")->type_name("TEXT");
  command->add_option("--key-base64", arguments->key_base64, "The key, if it is not text")
      ->type_name("BASE64")
      ->excludes(key);
  command->add_option("-p,--partition", arguments->partition, "Else all")
      ->check(CLI::Range(0, 1'000'000))
      ->type_name("N")
      ->default_str("");
  command->add_option("-n,--limit", arguments->limit, "Stop after so many records")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}))
      ->type_name("N")
      ->capture_default_str();
  add_admin_option(*command, arguments->admin);
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return find(context, *arguments); };
  });
}

}  // namespace sluice::ctl
