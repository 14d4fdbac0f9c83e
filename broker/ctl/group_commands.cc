#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/json.h"
#include "broker/ctl/print.h"

namespace sluice::ctl {

namespace {

// What is known of one partition of a group. Unknown is not zero.
struct Position {
  std::optional<std::int64_t> committed;
  std::optional<std::int64_t> end;
  const client::GroupMember* member = nullptr;

  std::optional<std::int64_t> lag() const {
    if (!committed || !end) return std::nullopt;
    return std::max<std::int64_t>(0, *end - *committed);
  }
};

using Positions = std::map<std::pair<std::string, std::int32_t>, Position>;

Result<void> list(Context& context) {
  TRY(admin, context.admin());
  TRY(groups, admin->list_groups());
  if (context.json()) {
    json::array array;
    for (const client::GroupInfo& group : groups) {
      array.push_back(json::object{
          {"group", group.group_id}, {"state", group.state}, {"simple", group.simple}});
    }
    print_json(context.terminal.out, array);
    return {};
  }
  Table table({"GROUP", "STATE"});
  for (const client::GroupInfo& group : groups) table.add({group.group_id, group.state});
  table.print(context.terminal.out);
  return {};
}

// Commits and assignments, with the end offset of every partition that either names.
Result<Positions> positions_of(client::Admin& admin, const client::GroupDescription& group) {
  Positions positions;
  TRY(commits, admin.group_offsets(group.group_id));
  for (const auto& commit : commits) {
    positions[{commit.topic, commit.partition}].committed = commit.offset;
  }
  for (const client::GroupMember& member : group.members) {
    for (const auto& partition : member.assignment) {
      positions[{partition.topic, partition.partition}].member = &member;
    }
  }
  for (auto& [key, position] : positions) {
    const auto marks = admin.watermarks(key.first, key.second);
    if (marks) {
      position.end = marks->high;
    } else if (marks.error().code != Code::not_found) {
      return std::unexpected(marks.error());  // a topic that was deleted has no end
    }
  }
  return positions;
}

json::value number_or_null(const std::optional<std::int64_t>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}

void print_json_description(Context& context, const client::GroupDescription& group,
                            const Positions& positions) {
  json::array partitions;
  for (const auto& [key, position] : positions) {
    json::object object{{"topic", key.first},
                        {"partition", key.second},
                        {"committed", number_or_null(position.committed)},
                        {"end", number_or_null(position.end)},
                        {"lag", number_or_null(position.lag())},
                        {"member", nullptr}};
    if (position.member != nullptr) object["member"] = position.member->member_id;
    partitions.push_back(std::move(object));
  }
  json::array members;
  for (const client::GroupMember& member : group.members) {
    members.push_back(json::object{{"member", member.member_id},
                                   {"instance", member.instance_id},
                                   {"client", member.client_id},
                                   {"host", member.host},
                                   {"partitions", member.assignment.size()}});
  }
  print_json(context.terminal.out, json::object{{"group", group.group_id},
                                                {"state", group.state},
                                                {"assignor", group.assignor},
                                                {"coordinator", group.coordinator},
                                                {"members", std::move(members)},
                                                {"partitions", std::move(partitions)}});
}

std::string text_of(const std::optional<std::int64_t>& number) {
  return number ? fmt::to_string(*number) : "-";
}

void print_description(Context& context, const client::GroupDescription& group,
                       const Positions& positions) {
  std::int64_t lag = 0;
  for (const auto& [key, position] : positions) lag += position.lag().value_or(0);
  Properties head;
  head.add("group", group.group_id);
  head.add("state", group.state);
  head.add("assignor", group.assignor.empty() ? "-" : group.assignor);
  head.add("members", fmt::to_string(group.members.size()));
  head.add("lag", fmt::to_string(lag));
  head.print(context.terminal.out);
  if (positions.empty()) return;
  context.terminal.out << "\n";
  Table table({"TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "MEMBER", "HOST"});
  for (const auto& [key, position] : positions) {
    table.add({key.first, fmt::to_string(key.second), text_of(position.committed),
               text_of(position.end), text_of(position.lag()),
               position.member == nullptr ? "-" : printable(position.member->member_id),
               position.member == nullptr ? "-" : printable(position.member->host)});
  }
  table.print(context.terminal.out);
}

Result<void> describe(Context& context, const std::string& name) {
  TRY(admin, context.admin());
  TRY(group, admin->describe_group(name));
  TRY(positions, positions_of(*admin, group));
  if (context.json()) {
    print_json_description(context, group, positions);
  } else {
    print_description(context, group, positions);
  }
  return {};
}

}  // namespace

void add_group_commands(CLI::App& app, Context& context) {
  CLI::App* group = app.add_subcommand("group", "Consumer groups and how far they have read");
  group->require_subcommand(1);
  group->footer("'sluicectl group COMMAND --help' has examples.");

  CLI::App* command = group->add_subcommand("list", "List the groups");
  command->footer("Example:\n  sluicectl group list");
  command->callback([&context] { context.action = [&context] { return list(context); }; });

  auto name = std::make_shared<std::string>();
  command = group->add_subcommand("describe", "Show members, commits and lag of a group");
  command->footer(
      "LAG is END minus COMMITTED; - is not known, which is not 0.\n"
      "\n"
      "Examples:\n"
      "  sluicectl group describe order-worker\n"
      "  sluicectl group describe order-worker -o json | jq '[.partitions[].lag] | add'");
  command->add_option("group", *name, "Its id")->required()->type_name("GROUP");
  command->callback(
      [&context, name] { context.action = [&context, name] { return describe(context, *name); }; });
}

}  // namespace sluice::ctl
