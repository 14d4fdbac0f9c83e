#include <fmt/format.h>

#include <algorithm>
#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/interrupt.h"
#include "broker/ctl/json.h"
#include "broker/ctl/print.h"
#include "shared/client/consumer.h"
#include "shared/config/text.h"

namespace sluice::ctl {

namespace {

constexpr std::size_t kBatchRecords = 1'000;
constexpr Millis kPoll{200};  // how soon an interrupt is seen

struct Arguments {
  std::string topic;
  std::string from = "earliest";
  std::int32_t partition = -1;  // -1: all
  std::int64_t count = -1;      // -1: no limit
  bool follow = false;
  std::string group;
};

// What --from says: a logical offset, an offset, or a time.
struct Start {
  std::int64_t offset = client::kOffsetBeginning;
  bool is_time = false;  // `offset` is Unix milliseconds
};

Result<Start> start_of(const std::string& from) {
  if (from == "earliest") return Start{client::kOffsetBeginning};
  if (from == "latest") return Start{client::kOffsetEnd};
  const bool is_time = from.starts_with('@');
  const std::string_view digits = std::string_view(from).substr(is_time ? 1 : 0);
  const auto number = config::parse_integer(digits);
  if (!number || *number < 0) {
    return fail(Code::invalid,
                fmt::format("--from \"{}\" is not earliest, latest, an offset or @UNIX_MS", from));
  }
  return Start{*number, is_time};
}

// A consumer and how far it is to go: to the end of each partition as it was at the start, unless
// it follows. In a group the partitions come and go.
class Reading {
 public:
  Reading(Context& context, const Arguments& arguments)
      : context_(context), arguments_(arguments), left_(arguments.count) {}

  Result<void> open_by_hand(const Start& start);
  Result<void> open_in_group(const Start& start);
  Result<void> run();

 private:
  using Key = std::pair<std::string, std::int32_t>;

  client::ConsumerOptions options() const;
  Result<std::vector<client::TopicPartition>> partitions() const;
  void take(const client::Batch& batch);
  void print(const client::Record& record) const;
  void reached(const Key& key, std::int64_t next);
  bool done() const;
  Result<void> commit(client::Consumer::Wait wait);

  Context& context_;
  const Arguments& arguments_;
  std::unique_ptr<client::Consumer> consumer_;
  bool assigned_ = false;
  std::map<Key, std::int64_t> ends_;       // to be reached, exclusive; absent: an end event tells
  std::set<Key> unfinished_;               // not at their end yet
  std::map<Key, std::int64_t> positions_;  // next offset of what was printed
  std::int64_t left_;
};

client::ConsumerOptions Reading::options() const {
  return {.missing_offset = client::ConsumerOptions::Missing::error, .report_ends = true};
}

Result<std::vector<client::TopicPartition>> Reading::partitions() const {
  TRY(admin, context_.admin());
  TRY(topics, admin->list_topics());
  const auto topic = std::ranges::find(topics, arguments_.topic, &client::TopicInfo::name);
  if (topic == topics.end()) {
    return fail(Code::not_found, fmt::format("there is no topic {}", arguments_.topic));
  }
  std::vector<client::TopicPartition> partitions;
  for (const client::PartitionInfo& partition : topic->partitions) {
    if (arguments_.partition >= 0 && arguments_.partition != partition.partition) continue;
    partitions.push_back({topic->name, partition.partition});
  }
  if (partitions.empty()) {
    return fail(Code::not_found, fmt::format("topic {} has no partition {}", arguments_.topic,
                                             arguments_.partition));
  }
  return partitions;
}

Result<void> Reading::open_by_hand(const Start& start) {
  TRY(partitions, this->partitions());
  TRY(consumer, client::Consumer::open(context_.settings, options()));
  consumer_ = std::move(consumer);
  for (client::TopicPartition& partition : partitions) partition.offset = start.offset;
  std::vector<client::TopicPartition> starts = partitions;
  if (start.is_time) {
    TRY(found, consumer_->offsets_at(partitions, context_.timeout()));
    starts = std::move(found);
  }
  for (client::TopicPartition& partition : starts) {
    const Key key(partition.topic, partition.partition);
    if (!arguments_.follow) {
      TRY(marks, consumer_->watermarks(partition.topic, partition.partition, context_.timeout()));
      const bool nothing = marks.low == marks.high || partition.offset == client::kOffsetEnd ||
                           partition.offset >= marks.high;
      if (nothing) continue;
      ends_[key] = marks.high;
    }
    unfinished_.insert(key);
  }
  assigned_ = true;
  return consumer_->assign(starts);
}

Result<void> Reading::open_in_group(const Start& start) {
  TRY(known, this->partitions());  // a topic that is not there is told at once
  client::ConsumerOptions options = this->options();
  options.missing_offset = start.offset == client::kOffsetEnd
                               ? client::ConsumerOptions::Missing::latest
                               : client::ConsumerOptions::Missing::earliest;
  options.group = client::GroupOptions{.group_id = arguments_.group, .topics = {known[0].topic}};
  options.group->on_assigned = [this](std::vector<client::TopicPartition> owned)
      -> Result<std::vector<client::TopicPartition>> {
    assigned_ = true;
    unfinished_.clear();
    positions_.clear();
    for (client::TopicPartition& partition : owned) {
      unfinished_.emplace(partition.topic, partition.partition);
      partition.offset = client::kOffsetCommitted;
    }
    return owned;
  };
  options.group->on_revoked = [this](std::vector<client::TopicPartition>, bool lost) {
    if (!lost) static_cast<void>(commit(client::Consumer::Wait::yes));
    unfinished_.clear();
    positions_.clear();
    assigned_ = false;
  };
  TRY(consumer, client::Consumer::open(context_.settings, std::move(options)));
  consumer_ = std::move(consumer);
  return {};
}

Result<void> Reading::run() {
  const SystemClock clock;
  Instant patience_ends = clock.now() + context_.timeout();
  while (!done()) {
    const std::size_t most =
        left_ < 0 ? kBatchRecords : std::min(kBatchRecords, static_cast<std::size_t>(left_));
    TRY(batch, consumer_->poll(most, kPoll));
    if (!batch.empty()) patience_ends = clock.now() + context_.timeout();
    take(batch);
    if (!arguments_.follow && assigned_ && clock.now() >= patience_ends) {
      return fail(Code::timed_out, fmt::format("nothing was read for {} s, before the end",
                                               context_.timeout_seconds));
    }
  }
  TRY_VOID(commit(client::Consumer::Wait::yes));
  return consumer_->close(context_.timeout());
}

void Reading::take(const client::Batch& batch) {
  for (const client::Record& record : batch.records()) {
    const Key key(record.topic, record.partition);
    const auto end = ends_.find(key);
    if (end != ends_.end() && record.offset >= end->second) {
      unfinished_.erase(key);  // came after the start
      continue;
    }
    print(record);
    if (left_ > 0) --left_;
    reached(key, record.offset + 1);
  }
  for (const client::TopicPartition& end : batch.ends()) {
    if (!arguments_.follow) unfinished_.erase({end.topic, end.partition});
  }
  context_.terminal.out.flush();
  static_cast<void>(commit(client::Consumer::Wait::no));
}

void Reading::reached(const Key& key, std::int64_t next) {
  positions_[key] = next;
  const auto end = ends_.find(key);
  if (end != ends_.end() && next >= end->second) unfinished_.erase(key);
}

bool Reading::done() const {
  if (interrupted() || left_ == 0 || !context_.terminal.out) return true;
  return !arguments_.follow && assigned_ && unfinished_.empty();
}

Result<void> Reading::commit(client::Consumer::Wait wait) {
  if (arguments_.group.empty() || positions_.empty()) return {};
  std::vector<client::TopicPartition> next;
  for (const auto& [key, offset] : positions_) next.push_back({key.first, key.second, offset});
  return consumer_->commit(next, wait);
}

void Reading::print(const client::Record& record) const {
  if (!context_.json()) {
    std::string line =
        fmt::format("{}:{}  {}", record.partition, record.offset, time_text(record.timestamp_ms));
    line += record.key ? "  " + printable(*record.key) : "  -";
    line += record.value ? "  " + printable(*record.value) : "  (null)";
    for (const client::HeaderView& header : record.headers) {
      line += fmt::format("  {}={}", printable(header.name), printable(header.value.value_or("")));
    }
    context_.terminal.out << line << "\n";
    return;
  }
  json::object object{
      {"topic", record.topic}, {"partition", record.partition}, {"offset", record.offset}};
  put_time(object, "timestamp", record.timestamp_ms);
  put_bytes(object, "key", record.key);
  put_bytes(object, "value", record.value);
  json::array headers;
  for (const client::HeaderView& header : record.headers) {
    json::object entry{{"name", header.name}};
    put_bytes(entry, "value", header.value);
    headers.push_back(std::move(entry));
  }
  object["headers"] = std::move(headers);
  print_json(context_.terminal.out, object);
}

Result<void> consume(Context& context, const Arguments& arguments) {
  TRY(start, start_of(arguments.from));
  if (!arguments.group.empty() && (start.offset >= 0 || start.is_time)) {
    return fail(Code::invalid, "with --group, --from is earliest or latest: the commits decide");
  }
  catch_interrupts();
  Reading reading(context, arguments);
  TRY_VOID(arguments.group.empty() ? reading.open_by_hand(start) : reading.open_in_group(start));
  return reading.run();
}

}  // namespace

void add_topic_consume(CLI::App& topic, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = topic.add_subcommand("consume", "Print records, oldest first");
  command->footer(
      "Stops at the end of the topic, unless it follows. A line has partition:offset, time, key "
      "and\n"
      "value; with -o json each line is one object. Bytes that would upset a terminal are \\xNN.\n"
      "\n"
      "Examples:\n"
      "  sluicectl topic consume seckill.orders --count 10\n"
      "  sluicectl topic consume t --partition 0 --from 1500 -o json\n"
      "  sluicectl topic consume t --from @1767225600000    # since a time\n"
      "  sluicectl topic consume t --from latest --follow   # until Ctrl-C\n"
      "  sluicectl topic consume t --group watchers         # from the group's commits, and "
      "commits");
  command->add_option("topic", arguments->topic, "Which")->required()->type_name("TOPIC");
  command->add_option("--from", arguments->from, "earliest, latest, an offset or @UNIX_MS")
      ->type_name("WHERE")
      ->capture_default_str();
  CLI::Option* partition = command->add_option("-p,--partition", arguments->partition, "Else all")
                               ->check(CLI::Range(0, 1'000'000))
                               ->type_name("N")
                               ->default_str("");
  command->add_option("-n,--count", arguments->count, "Stop after so many records")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000}))
      ->type_name("N")
      ->default_str("");
  command->add_flag("-f,--follow", arguments->follow, "Go on at the end, until Ctrl-C");
  command->add_option("-g,--group", arguments->group, "As a member of this consumer group")
      ->type_name("GROUP")
      ->excludes(partition);
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return consume(context, *arguments); };
  });
}

}  // namespace sluice::ctl
