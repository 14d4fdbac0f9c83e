#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/json.h"
#include "broker/ctl/print.h"

namespace sluice::ctl {

namespace {

json::array ids_of(const std::vector<std::int32_t>& ids) {
  return json::array(ids.begin(), ids.end());
}

json::object json_of(const client::PartitionInfo& partition) {
  return {{"partition", partition.partition},
          {"leader", partition.leader},
          {"replicas", ids_of(partition.replicas)},
          {"in_sync", ids_of(partition.in_sync)}};
}

Result<void> list(Context& context) {
  TRY(admin, context.admin());
  TRY(topics, admin->list_topics());
  if (context.json()) {
    json::array array;
    for (const client::TopicInfo& topic : topics) {
      json::array partitions;
      for (const auto& partition : topic.partitions) partitions.push_back(json_of(partition));
      array.push_back(json::object{{"name", topic.name}, {"partitions", std::move(partitions)}});
    }
    print_json(context.terminal.out, array);
    return {};
  }
  Table table({"NAME", "PARTITIONS"});
  for (const client::TopicInfo& topic : topics) {
    table.add({topic.name, fmt::to_string(topic.partitions.size())});
  }
  table.print(context.terminal.out);
  return {};
}

void print_description(Context& context, const client::TopicDescription& topic) {
  if (context.json()) {
    json::array partitions;
    for (std::size_t i = 0; i < topic.topic.partitions.size(); ++i) {
      json::object partition = json_of(topic.topic.partitions[i]);
      partition["low"] = topic.watermarks[i].low;
      partition["high"] = topic.watermarks[i].high;
      partitions.push_back(std::move(partition));
    }
    json::array configs;
    for (const client::ConfigEntry& entry : topic.configs) {
      json::object object{{"name", entry.name}, {"value", nullptr}, {"default", entry.is_default}};
      if (entry.value) object["value"] = *entry.value;
      configs.push_back(std::move(object));
    }
    print_json(context.terminal.out, json::object{{"name", topic.topic.name},
                                                  {"partitions", std::move(partitions)},
                                                  {"configs", std::move(configs)}});
    return;
  }
  Table partitions({"PARTITION", "LEADER", "REPLICAS", "LOW", "HIGH", "RECORDS"});
  for (std::size_t i = 0; i < topic.topic.partitions.size(); ++i) {
    const client::PartitionInfo& partition = topic.topic.partitions[i];
    const client::Watermarks& marks = topic.watermarks[i];
    partitions.add({fmt::to_string(partition.partition), fmt::to_string(partition.leader),
                    fmt::format("{}", fmt::join(partition.replicas, ",")),
                    fmt::to_string(marks.low), fmt::to_string(marks.high),
                    fmt::to_string(marks.high - marks.low)});
  }
  partitions.print(context.terminal.out);
  if (topic.configs.empty()) return;
  context.terminal.out << "\n";
  Table configs({"CONFIG", "VALUE", "SET"});
  for (const client::ConfigEntry& entry : topic.configs) {
    configs.add({entry.name, or_dash(entry.value), entry.is_default ? "" : "here"});
  }
  configs.print(context.terminal.out);
}

Result<void> describe(Context& context, const std::string& name) {
  TRY(admin, context.admin());
  TRY(topic, admin->describe_topic(name));
  print_description(context, topic);
  return {};
}

Result<void> create(Context& context, client::NewTopic topic,
                    const std::vector<std::string>& configs) {
  for (const std::string& config : configs) {
    const auto equals = config.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(Code::invalid, fmt::format("--config \"{}\" is not name=value", config));
    }
    topic.configs[config.substr(0, equals)] = config.substr(equals + 1);
  }
  TRY(admin, context.admin());
  TRY_VOID(admin->create_topic(topic));
  context.say(fmt::format("created topic {}", topic.name));
  return {};
}

Result<void> remove(Context& context, const std::vector<std::string>& names, bool yes) {
  TRY_VOID(context.confirm(fmt::format("Delete {} and every record in {}?", fmt::join(names, ", "),
                                       names.size() == 1 ? "it" : "them"),
                           yes));
  TRY(admin, context.admin());
  for (const std::string& name : names) {
    TRY_VOID(admin->delete_topic(name));
    context.say(fmt::format("deleted topic {}", name));
  }
  return {};
}

void add_create(CLI::App& topic, Context& context) {
  struct Arguments {
    client::NewTopic topic;
    std::vector<std::string> configs;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = topic.add_subcommand("create", "Create a topic");
  command->footer(
      "Examples:\n"
      "  sluicectl topic create orders --partitions 8\n"
      "  sluicectl topic create clicks --config retention.ms=3600000");
  command->add_option("name", arguments->topic.name, "Its name")->required()->type_name("NAME");
  command
      ->add_option("-p,--partitions", arguments->topic.partitions,
                   "Partitions; else the server's default")
      ->check(CLI::Range(1, 100'000))
      ->type_name("N");
  command->add_option("-c,--config", arguments->configs, "A topic config; may be repeated")
      ->type_name("NAME=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  command->callback([&context, arguments] {
    context.action = [&context, arguments] {
      return create(context, arguments->topic, arguments->configs);
    };
  });
}

void add_delete(CLI::App& topic, Context& context) {
  struct Arguments {
    std::vector<std::string> names;
    bool yes = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = topic.add_subcommand("delete", "Delete topics with all their records");
  command->footer(
      "Asks first; without a terminal it wants --yes.\n"
      "\n"
      "Examples:\n"
      "  sluicectl topic delete scratch\n"
      "  sluicectl topic delete scratch-1 scratch-2 --yes");
  command->add_option("names", arguments->names, "Their names")->required()->type_name("NAME");
  command->add_flag("-y,--yes", arguments->yes, "Do not ask");
  command->callback([&context, arguments] {
    context.action = [&context, arguments] {
      return remove(context, arguments->names, arguments->yes);
    };
  });
}

}  // namespace

void add_topic_commands(CLI::App& app, Context& context) {
  CLI::App* topic = app.add_subcommand("topic", "Topics and the records in them");
  topic->require_subcommand(1);
  topic->footer("'sluicectl topic COMMAND --help' has examples.");

  CLI::App* command = topic->add_subcommand("list", "List the topics");
  command->footer(
      "Examples:\n"
      "  sluicectl topic list\n"
      "  sluicectl topic list -o json | jq -r '.[].name'");
  command->callback([&context] { context.action = [&context] { return list(context); }; });

  auto name = std::make_shared<std::string>();
  command = topic->add_subcommand("describe", "Show a topic's partitions, offsets and configs");
  command->footer("Example:\n  sluicectl topic describe seckill.orders");
  command->add_option("name", *name, "Its name")->required()->type_name("NAME");
  command->callback(
      [&context, name] { context.action = [&context, name] { return describe(context, *name); }; });

  add_create(*topic, context);
  add_delete(*topic, context);
  add_topic_produce(*topic, context);
  add_topic_consume(*topic, context);
}

}  // namespace sluice::ctl
