#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <condition_variable>
#include <istream>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/json.h"
#include "shared/client/producer.h"

namespace sluice::ctl {

namespace {

constexpr std::size_t kOutstandingMax = 10'000;   // records; reading stdin waits beyond
constexpr std::size_t kMaxLineBytes = 1'000'000;  // one record, as the producer takes it

struct Arguments {
  std::string topic;
  std::string key_separator;
  std::int32_t partition = client::kAnyPartition;
  std::vector<std::string> headers;
};

// Counts outcomes; filled by the producer's thread, read by the main one. Outlives the producer.
class Outcomes {
 public:
  client::Producer::Done done() {
    return [this](client::Delivery delivery) {
      const std::lock_guard lock(mutex_);
      --outstanding_;
      if (delivery.outcome == client::Outcome::persisted) {
        ++persisted_;
      } else {
        ++failed_;
        if (!first_error_) first_error_ = std::move(delivery.error);
      }
      changed_.notify_all();
    };
  }

  // Waits for room among the outstanding; false when something has failed already.
  bool begin_one() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return outstanding_ < kOutstandingMax; });
    ++outstanding_;
    return failed_ == 0;
  }

  // After begin_one(), when the record was not taken.
  void refused(Error error) {
    const std::lock_guard lock(mutex_);
    --outstanding_;
    ++failed_;
    if (!first_error_) first_error_ = std::move(error);
  }

  // REQUIRES: nothing is outstanding.
  Result<std::size_t> total() {
    const std::lock_guard lock(mutex_);
    if (!first_error_) return persisted_;
    return fail(first_error_->code, fmt::format("{} records sent, {} not: {}", persisted_, failed_,
                                                first_error_->context));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t outstanding_ = 0;
  std::size_t persisted_ = 0;
  std::size_t failed_ = 0;
  std::optional<Error> first_error_;
};

Result<std::vector<client::Header>> headers_of(const std::vector<std::string>& texts) {
  std::vector<client::Header> headers;
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(Code::invalid, fmt::format("--header \"{}\" is not name=value", text));
    }
    headers.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  return headers;
}

Result<client::ProduceRecord> record_of(std::string line, const Arguments& arguments,
                                        std::size_t number) {
  if (line.size() > kMaxLineBytes) {
    return fail(Code::too_large,
                fmt::format("line {} has more than {} bytes", number, kMaxLineBytes));
  }
  client::ProduceRecord record{.topic = arguments.topic, .partition = arguments.partition};
  if (!arguments.key_separator.empty()) {
    const auto at = line.find(arguments.key_separator);
    if (at == std::string::npos) {
      return fail(Code::invalid, fmt::format("line {} has no key: no \"{}\" in it", number,
                                             arguments.key_separator));
    }
    record.key = line.substr(0, at);
    line.erase(0, at + arguments.key_separator.size());
  }
  record.value = std::move(line);
  return record;
}

// Until the end of the input, a line that is no record, or a record that fails.
Result<void> send_lines(std::istream& in, const Arguments& arguments,
                        const std::vector<client::Header>& headers, client::Producer& producer,
                        Outcomes& outcomes) {
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    TRY(record, record_of(std::move(line), arguments, number));
    record.headers = headers;
    const bool good = outcomes.begin_one();
    if (auto sent = producer.send(std::move(record), outcomes.done()); !sent) {
      outcomes.refused(std::move(sent.error()));
      return {};
    }
    if (!good) return {};
  }
  return {};
}

Result<void> produce(Context& context, const Arguments& arguments) {
  TRY(headers, headers_of(arguments.headers));
  TRY(admin, context.admin());
  TRY_VOID(admin->cluster());  // says at once, and by name, when no server is there
  Outcomes outcomes;
  Result<void> lines;
  {
    const client::ProducerOptions options{.linger = Millis(5),
                                          .message_timeout = context.timeout()};
    TRY(producer, client::Producer::open(context.settings, options));
    lines = send_lines(context.terminal.in, arguments, headers, *producer, outcomes);
    // Every record has an outcome within its own timeout, so this ends.
    static_cast<void>(producer->flush(context.timeout() + Millis(1'000)));
  }
  TRY(sent, outcomes.total());
  if (!lines) {
    return fail(lines.error().code,
                fmt::format("{}; {} records before it are sent", lines.error().context, sent));
  }
  if (context.json()) print_json(context.terminal.out, json::object{{"sent", sent}});
  context.say(fmt::format("{} record{} sent to {}", sent, sent == 1 ? "" : "s", arguments.topic));
  return {};
}

}  // namespace

void add_topic_produce(CLI::App& topic, Context& context) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = topic.add_subcommand("produce", "Send each line of stdin as a record");
  command->footer(
      "Ends when every record is durable on the server.\n"
      "\n"
      "Examples:\n"
      "  echo hello | sluicectl topic produce greetings\n"
      "  printf 'k1:v1\\nk2:v2\\n' | sluicectl topic produce t --key-separator : -H source=cli");
  command->add_option("topic", arguments->topic, "Where to")->required()->type_name("TOPIC");
  command
      ->add_option("-k,--key-separator", arguments->key_separator,
                   "Between key and value in a line (\\t is a tab); else records have no key")
      ->type_name("TEXT");
  command->add_option("-p,--partition", arguments->partition, "Else the key decides, or chance")
      ->check(CLI::Range(0, 1'000'000))
      ->type_name("N");
  command
      ->add_option("-H,--header", arguments->headers, "A header for each record; may be repeated")
      ->type_name("NAME=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  command->callback([&context, arguments] {
    if (arguments->key_separator == "\\t") arguments->key_separator = "\t";
    context.action = [&context, arguments] { return produce(context, *arguments); };
  });
}

}  // namespace sluice::ctl
