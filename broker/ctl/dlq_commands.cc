#include <fmt/format.h>

#include <algorithm>
#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/dead_letter_print.h"
#include "broker/ctl/dead_letter_topic.h"
#include "broker/ctl/dlq_options.h"
#include "broker/ctl/print.h"

namespace sluice::ctl {

namespace {

constexpr std::size_t kKeyPreview = 40;       // bytes
constexpr std::size_t kMessagePreview = 100;  // bytes

struct ListArguments {
  std::string topic;  // empty: all of them
  FilterArguments filter;
  std::int64_t limit = 100;
  bool newest = false;
  bool all = false;
  bool count = false;
};

// What the list shows of a letter: the cells of its row, or with -o json the one line.
using Row = std::vector<std::string>;

Row row_of(const Context& context, const DeadLetter& letter, const RedriveMark* mark) {
  if (context.json()) return {json::serialize(letter_json(letter, mark))};
  return {letter.topic,
          id_text(letter.id),
          time_text(letter.timestamp_ms),
          place_text(letter.origin),
          letter.code.empty() ? "-" : preview(letter.code, kKeyPreview),
          fmt::to_string(letter.redrives),
          mark == nullptr ? "-" : place_text(mark->to),
          letter.key ? preview(*letter.key, kKeyPreview) : "-",
          preview(letter.message, kMessagePreview)};
}

// The rows of a list, at most `limit` of them: the first that are added, or the newest.
class Listing {
 public:
  Listing(std::size_t limit, bool newest) : limit_(limit), newest_(newest) {}

  // False: the list is full, and stays as it is.
  bool add(std::int64_t timestamp_ms, Row row) {
    ++added_;
    if (!newest_ && added_ > limit_) return false;
    rows_.emplace(std::pair(newest_ ? timestamp_ms : 0, added_), std::move(row));
    if (rows_.size() > limit_) rows_.erase(rows_.begin());
    return true;
  }
  bool full() const { return added_ > limit_; }
  std::size_t size() const { return rows_.size(); }

  void print(const Context& context) const {
    Table table(
        {"TOPIC", "LETTER", "TIME", "ORIGIN", "CODE", "REDRIVES", "REDRIVEN", "KEY", "MESSAGE"});
    const auto print_row = [&](const Row& row) {
      if (context.json()) {
        context.terminal.out << row[0] << "\n";
      } else {
        table.add(row);
      }
    };
    if (newest_) {
      for (const auto& [order, row] : std::views::reverse(rows_)) print_row(row);
    } else {
      for (const auto& [order, row] : rows_) print_row(row);
    }
    if (!context.json()) table.print(context.terminal.out);
  }

 private:
  const std::size_t limit_;
  const bool newest_;
  std::size_t added_ = 0;
  std::map<std::pair<std::int64_t, std::size_t>, Row>
      rows_;  // in the order of the list, or reversed
};

// What list goes through: the topics, or the one that is asked for.
Result<std::vector<std::string>> topics_of(const Context& context, const std::string& topic) {
  if (topic.empty()) return dead_letter_topics(context);
  return std::vector<std::string>{dead_letter_topic_of(topic)};
}

Result<void> list_letters(const Context& context, const ListArguments& arguments,
                          const LetterFilter& filter) {
  TRY(names, topics_of(context, arguments.topic));
  Listing listing(static_cast<std::size_t>(arguments.limit), arguments.newest);
  for (const std::string& name : names) {
    TRY(topic, DeadLetterTopic::open(context, name, arguments.filter.partition));
    TRY_VOID(topic.read([&](const DeadLetter& letter, const RedriveMark* mark) {
      if ((mark != nullptr && !arguments.all) || !filter.matches(letter)) return true;
      return listing.add(letter.timestamp_ms, row_of(context, letter, mark));
    }));
    if (listing.full() && !arguments.newest) break;
  }
  listing.print(context);
  const char* kind = arguments.all ? "" : "open ";
  context.say(listing.full() ? fmt::format("there are more {}dead letters: --limit was {}", kind,
                                           listing.size())
                             : fmt::format("{} {}dead letter{}", listing.size(), kind,
                                           listing.size() == 1 ? "" : "s"));
  return {};
}

struct Count {
  std::int64_t letters = 0;
  std::int64_t open = 0;
  std::int64_t oldest_ms = -1;  // of the open ones, as is the next
  std::int64_t newest_ms = -1;

  void add(const DeadLetter& letter, bool is_open) {
    ++letters;
    if (!is_open) return;
    ++open;
    if (oldest_ms < 0 || letter.timestamp_ms < oldest_ms) oldest_ms = letter.timestamp_ms;
    newest_ms = std::max(newest_ms, letter.timestamp_ms);
  }
};

Result<void> count_letters(const Context& context, const ListArguments& arguments,
                           const LetterFilter& filter) {
  TRY(names, topics_of(context, arguments.topic));
  std::map<std::pair<std::string, std::string>, Count> counts;  // by topic and code
  for (const std::string& name : names) {
    TRY(topic, DeadLetterTopic::open(context, name, arguments.filter.partition));
    TRY_VOID(topic.read([&](const DeadLetter& letter, const RedriveMark* mark) {
      if (filter.matches(letter)) counts[{name, letter.code}].add(letter, mark == nullptr);
      return true;
    }));
  }
  if (context.json()) {
    for (const auto& [of, count] : counts) {
      json::object object{{"topic", of.first}};
      put_bytes(object, "code", of.second);
      object["letters"] = count.letters;
      object["open"] = count.open;
      put_time(object, "oldest", count.oldest_ms);
      put_time(object, "newest", count.newest_ms);
      print_json(context.terminal.out, object);
    }
    return {};
  }
  Table table({"TOPIC", "CODE", "LETTERS", "OPEN", "OLDEST OPEN", "NEWEST OPEN"});
  for (const auto& [of, count] : counts) {
    table.add({of.first, of.second.empty() ? "-" : preview(of.second, kKeyPreview),
               fmt::to_string(count.letters), fmt::to_string(count.open),
               time_text(count.oldest_ms), time_text(count.newest_ms)});
  }
  table.print(context.terminal.out);
  return {};
}

Result<void> list(const Context& context, const ListArguments& arguments) {
  TRY(filter, filter_of(arguments.filter));
  return arguments.count ? count_letters(context, arguments, filter)
                         : list_letters(context, arguments, filter);
}

struct LetterArguments {
  std::string topic;
  std::string letter;
  bool yes = false;
};

Result<void> show(const Context& context, const LetterArguments& arguments) {
  TRY(id, parse_letter_id(arguments.letter));
  const std::string name = dead_letter_topic_of(arguments.topic);
  TRY(topic, DeadLetterTopic::open(context, name, id.first));
  bool found = false;
  TRY_VOID(topic.read([&, &id = id](const DeadLetter& letter, const RedriveMark* mark) {
    if (letter.id != id) return letter.id < id;
    found = true;
    if (context.json()) {
      json::object object = letter_json(letter, mark);
      put_content(object, letter);
      print_json(context.terminal.out, object);
    } else {
      print_letter(context.terminal.out, letter, mark);
    }
    return false;
  }));
  if (found) return {};
  return fail(Code::not_found, fmt::format("{} has no dead letter {}", name, id_text(id)));
}

std::string discard_question(const std::string& name, const LetterId& id, const Count& count) {
  return fmt::format(
      "Discard {} dead letter{} of {}[{}] up to offset {}, {} of them open? They cannot be "
      "brought back.",
      count.letters, count.letters == 1 ? "" : "s", name, id.first, id.second, count.open);
}

Result<void> discard(const Context& context, const LetterArguments& arguments) {
  TRY(id, parse_letter_id(arguments.letter));
  const std::string name = dead_letter_topic_of(arguments.topic);
  TRY(topic, DeadLetterTopic::open(context, name, id.first));
  Count count;
  bool found = false;
  TRY_VOID(topic.read([&, &id = id](const DeadLetter& letter, const RedriveMark* mark) {
    if (letter.id > id) return false;
    found = letter.id == id;
    count.add(letter, mark == nullptr);
    return true;
  }));
  if (!found) {
    return fail(Code::not_found, fmt::format("{} has no dead letter {}", name, id_text(id)));
  }
  TRY_VOID(context.confirm(discard_question(name, id, count), arguments.yes));
  TRY(admin, context.admin());
  TRY(first_kept, admin->delete_records(name, id.first, id.second + 1));
  if (context.json()) {
    print_json(context.terminal.out, json::object{{"topic", name},
                                                  {"partition", id.first},
                                                  {"discarded", count.letters},
                                                  {"discarded_open", count.open},
                                                  {"first_kept_offset", first_kept}});
  }
  context.say(fmt::format("discarded {} dead letter{} of {}", count.letters,
                          count.letters == 1 ? "" : "s", name));
  return {};
}

void add_list(CLI::App& dlq, Context& context) {
  const auto arguments = std::make_shared<ListArguments>();
  CLI::App* command = dlq.add_subcommand("list", "List or count dead letters");
  command->footer(
      "Oldest first within a partition. LETTER is partition:offset in the dead letter topic,\n"
      "ORIGIN topic:partition:offset of the record that failed, REDRIVES how many times it had\n"
      "been sent back before. With -o json each line is one object.\n"
      "\n"
      "Examples:\n"
      "  sluicectl dlq list\n"
      "  sluicectl dlq list seckill.orders --newest --limit 10\n"
      "  sluicectl dlq list seckill.orders --error corrupt --from 2h\n"
      "  sluicectl dlq list --count");
  command
      ->add_option("topic", arguments->topic,
                   "Whose: seckill.orders or dlq.seckill.orders; else all topics dlq.*")
      ->type_name("TOPIC");
  add_filter_options(*command, arguments->filter);
  add_limit_option(*command, arguments->limit)->capture_default_str();
  command->add_flag("--newest", arguments->newest, "The newest, newest first");
  command->add_flag("-a,--all", arguments->all, "Also those that were redriven");
  command->add_flag("-c,--count", arguments->count,
                    "How many by topic and error code, redriven too");
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return list(context, *arguments); };
  });
}

CLI::App* add_letter_command(CLI::App& dlq, const std::shared_ptr<LetterArguments>& arguments,
                             const char* name, const char* about) {
  CLI::App* command = dlq.add_subcommand(name, about);
  command->add_option("topic", arguments->topic, "Whose")->required()->type_name("TOPIC");
  command->add_option("letter", arguments->letter, "As 'dlq list' has it")
      ->required()
      ->type_name("LETTER");
  return command;
}

}  // namespace

void add_dlq_commands(CLI::App& app, Context& context) {
  CLI::App* dlq = app.add_subcommand("dlq", "Dead letters: records that could not be processed");
  dlq->require_subcommand(1);
  dlq->footer("'sluicectl dlq COMMAND --help' has examples.");
  add_list(*dlq, context);

  const auto arguments = std::make_shared<LetterArguments>();
  CLI::App* command =
      add_letter_command(*dlq, arguments, "show", "Show a dead letter: origin, headers, content");
  command->footer(
      "Example:\n"
      "  sluicectl dlq show seckill.orders 0:17 -o json | jq -r .value");
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return show(context, *arguments); };
  });

  add_dlq_redrive(*dlq, context);

  command = add_letter_command(*dlq, arguments, "discard",
                               "Delete a dead letter and all before it in its partition");
  command->footer(
      "Says how many there are and how many of them are open, and asks first; without a terminal\n"
      "it wants --yes.\n"
      "\n"
      "Example:\n"
      "  sluicectl dlq discard seckill.orders 0:17 --yes");
  command->add_flag("-y,--yes", arguments->yes, "Do not ask");
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return discard(context, *arguments); };
  });
}

}  // namespace sluice::ctl
