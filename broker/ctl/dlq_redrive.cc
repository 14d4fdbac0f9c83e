#include <fmt/format.h>

#include <algorithm>
#include <CLI/CLI.hpp>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "broker/ctl/commands.h"
#include "broker/ctl/context.h"
#include "broker/ctl/dead_letter_print.h"
#include "broker/ctl/dead_letter_topic.h"
#include "broker/ctl/dlq_options.h"
#include "broker/ctl/interrupt.h"
#include "broker/ctl/origin_reader.h"
#include "shared/client/producer.h"

namespace sluice::ctl {

namespace {

// Sent together and marked together: how many a kill can leave sent without their marks.
constexpr std::size_t kBatchLetters = 100;
constexpr std::int64_t kBatchesASecond = 5;            // while --rate slows them down
constexpr std::int64_t kMessageBytesMax = 64LL << 20;  // the server has its own limit
constexpr Millis kLook{100};                           // how soon an interrupt is seen

struct Arguments {
  std::string topic;
  std::vector<std::string> letters;
  FilterArguments filter;
  bool all = false;
  bool dry_run = false;
  std::int64_t limit = -1;  // -1: none
  std::int64_t rate = -1;   // letters a second; -1: as fast as it goes
};

// What became of records that are sent together. Filled by the producer's thread, which may live on
// for a moment when sending fails half-way.
class Deliveries {
 public:
  explicit Deliveries(std::size_t count) : deliveries_(count), left_(count) {}

  void set(std::size_t at, client::Delivery delivery) {
    const std::lock_guard lock(mutex_);
    deliveries_[at] = std::move(delivery);
    if (--left_ == 0) complete_.notify_all();
  }
  // Every record has an outcome within the producer's message_timeout, so this ends.
  std::vector<client::Delivery> wait() {
    std::unique_lock lock(mutex_);
    complete_.wait(lock, [this] { return left_ == 0; });
    return deliveries_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable complete_;
  std::vector<client::Delivery> deliveries_;
  std::size_t left_;
};

std::vector<client::Delivery> send(client::Producer& producer,
                                   std::vector<client::ProduceRecord> records) {
  const auto deliveries = std::make_shared<Deliveries>(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    auto sent = producer.send(std::move(records[i]), [deliveries, i](client::Delivery delivery) {
      deliveries->set(i, std::move(delivery));
    });
    if (!sent) {
      deliveries->set(
          i, {.outcome = client::Outcome::not_persisted, .error = std::move(sent.error())});
    }
  }
  return deliveries->wait();
}

// Whether the next letter may fare better.
bool is_of_the_record(const client::Delivery& delivery) {
  if (delivery.outcome != client::Outcome::not_persisted || !delivery.error) return false;
  const Code code = delivery.error->code;
  return code == Code::too_large || code == Code::not_found || code == Code::invalid;
}

bool is_persisted(const client::Delivery& delivery) {
  return delivery.outcome == client::Outcome::persisted;
}

std::string why(const client::Delivery& delivery) {
  return delivery.error ? delivery.error->context : std::string(name_of(delivery.outcome));
}

// One redrive: letters go back in batches, and each batch is marked before the next one begins.
class Redrive {
 public:
  Redrive(const Context& context, const Arguments& arguments, LetterFilter filter)
      : context_(context), arguments_(arguments), filter_(std::move(filter)), origins_(context) {}

  Result<void> run();

 private:
  // What became of a letter, for its line.
  struct Outcome {
    const char* word = "";
    std::string error;
  };

  Result<void> open();
  // False: no more of them.
  bool take(const DeadLetter& letter, const RedriveMark* mark);
  bool send_batch();
  void mark(const std::vector<DeadLetter>& letters, const std::vector<client::Delivery>& sent);
  Result<void> add(DeadLetter letter);
  Result<void> check_target(const DeadLetter& letter) const;
  void print(const DeadLetter& letter, const Place& to, const Outcome& outcome);
  void wait_for_rate(Instant batch_began, std::size_t letters) const;
  std::size_t batch_letters() const;
  Result<void> result() const;

  const Context& context_;
  const Arguments& arguments_;
  const LetterFilter filter_;
  const SystemClock clock_;
  std::map<std::string, std::set<std::int32_t>> targets_;  // topics and their partitions
  OriginReader origins_;
  std::unique_ptr<client::Producer> producer_;
  std::vector<DeadLetter> batch_;
  std::set<LetterId> done_before_;  // of those that are asked for by name
  std::size_t taken_ = 0;
  std::size_t redriven_ = 0;
  std::size_t failed_ = 0;
  std::string stopped_;  // why it ended early
};

Result<void> Redrive::open() {
  TRY(admin, context_.admin());
  TRY(topics, admin->list_topics());
  for (const client::TopicInfo& topic : topics) {
    for (const client::PartitionInfo& partition : topic.partitions) {
      targets_[topic.name].insert(partition.partition);
    }
  }
  if (arguments_.dry_run) return {};
  TRY(producer, client::Producer::open(context_.settings, {.message_timeout = context_.timeout(),
                                                           .message_bytes_max = kMessageBytesMax}));
  producer_ = std::move(producer);
  return {};
}

Result<void> Redrive::run() {
  TRY(topic, DeadLetterTopic::open(context_, dead_letter_topic_of(arguments_.topic),
                                   arguments_.filter.partition));
  TRY_VOID(open());
  catch_interrupts();
  const auto read = topic.read([this](const DeadLetter& letter, const RedriveMark* mark) {
    return take(letter, mark) && !interrupted() && context_.terminal.out.good();
  });
  if (stopped_.empty() && !batch_.empty()) send_batch();
  if (interrupted() && stopped_.empty()) stopped_ = "interrupted";
  if (!read && stopped_.empty()) stopped_ = read.error().context;
  return result();
}

bool Redrive::take(const DeadLetter& letter, const RedriveMark* mark) {
  if (!filter_.matches(letter)) return true;
  if (mark != nullptr) {
    if (!filter_.ids.empty()) done_before_.insert(letter.id);
    return true;
  }
  ++taken_;
  if (const auto added = add(letter); !added) {
    ++failed_;
    print(letter, letter.origin, {"failed", added.error().context});
  }
  if (batch_.size() >= batch_letters() && !send_batch()) return false;
  return arguments_.limit < 0 || taken_ < static_cast<std::size_t>(arguments_.limit);
}

Result<void> Redrive::add(DeadLetter letter) {
  TRY_VOID(check_target(letter));
  if (!letter.holds_copy()) TRY_VOID(origins_.complete(letter));
  batch_.push_back(std::move(letter));
  return {};
}

// What would go wrong or, on servers that make topics by themselves, too well.
Result<void> Redrive::check_target(const DeadLetter& letter) const {
  const Place& to = letter.origin;
  const auto topic = targets_.find(to.topic);
  if (topic == targets_.end()) {
    return fail(Code::not_found, fmt::format("there is no topic {}", printable(to.topic)));
  }
  if (to.topic == letter.topic) {
    return fail(Code::invalid, "its origin is the dead letter topic itself");
  }
  if (to.partition < 0 || topic->second.contains(to.partition)) return {};
  return fail(Code::not_found, fmt::format("topic {} has no partition {}", to.topic, to.partition));
}

bool Redrive::send_batch() {
  const std::vector<DeadLetter> letters = std::exchange(batch_, {});
  if (arguments_.dry_run) {
    for (const DeadLetter& letter : letters) {
      print(letter, {letter.origin.topic, letter.origin.partition}, {"would be sent", ""});
    }
    return true;
  }
  const Instant began = clock_.now();
  std::vector<client::ProduceRecord> records;
  for (const DeadLetter& letter : letters) records.push_back(redriven_record(letter));
  mark(letters, send(*producer_, std::move(records)));
  wait_for_rate(began, letters.size());
  return stopped_.empty();
}

void Redrive::mark(const std::vector<DeadLetter>& letters,
                   const std::vector<client::Delivery>& sent) {
  std::vector<Place> places;
  std::vector<client::ProduceRecord> marks;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const Place& origin = letters[i].origin;
    places.push_back(is_persisted(sent[i]) ? Place{origin.topic, sent[i].partition, sent[i].offset}
                                           : Place{origin.topic, origin.partition});
    if (is_persisted(sent[i])) marks.push_back(mark_record(letters[i], places[i]));
  }
  const std::vector<client::Delivery> marked = send(*producer_, std::move(marks));
  auto mark = marked.begin();
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (!is_persisted(sent[i])) {
      const bool unknown = sent[i].outcome == client::Outcome::possibly_persisted;
      print(letters[i], places[i], {unknown ? "possibly sent" : "failed", why(sent[i])});
      if (!is_of_the_record(sent[i])) stopped_ = "the servers do not take records now";
      ++failed_;
      continue;
    }
    const client::Delivery& its_mark = *mark++;
    if (is_persisted(its_mark)) {
      print(letters[i], places[i], {"sent", ""});
      ++redriven_;
    } else {
      print(letters[i], places[i], {"sent, not marked", why(its_mark)});
      stopped_ = "what was sent could not be marked: the next redrive sends it again";
      ++failed_;
    }
  }
}

void Redrive::print(const DeadLetter& letter, const Place& to, const Outcome& outcome) {
  std::ostream& out = context_.terminal.out;
  if (context_.json()) {
    json::object object{{"topic", letter.topic},
                        {"partition", letter.id.first},
                        {"offset", letter.id.second},
                        {"outcome", outcome.word}};
    object["to"] = place_json(to);
    object["error"] = nullptr;
    if (!outcome.error.empty()) put_bytes(object, "error", outcome.error);
    print_json(out, object);
  } else {
    out << fmt::format("{}  {}  {}{}{}\n", id_text(letter.id), place_text(to), outcome.word,
                       outcome.error.empty() ? "" : ": ", outcome.error);
  }
  out.flush();
}

std::size_t Redrive::batch_letters() const {
  if (arguments_.rate < 0) return kBatchLetters;
  const auto paced = static_cast<std::size_t>(arguments_.rate / kBatchesASecond);
  return std::clamp<std::size_t>(paced, 1, kBatchLetters);
}

void Redrive::wait_for_rate(Instant batch_began, std::size_t letters) const {
  if (arguments_.rate < 0) return;
  const Instant until =
      batch_began + Millis(1'000 * static_cast<std::int64_t>(letters) / arguments_.rate);
  std::mutex mutex;
  std::condition_variable nobody;
  std::unique_lock lock(mutex);
  while (!interrupted() && clock_.now() < until) {
    nobody.wait_for(lock, kLook);
  }
}

Result<void> Redrive::result() const {
  context_.say(arguments_.dry_run ? fmt::format("{} would be redriven", taken_ - failed_)
                                  : fmt::format("{} redriven", redriven_));
  if (!stopped_.empty()) {
    return fail(Code::unavailable,
                fmt::format("{}; the same command again goes on with what is open", stopped_));
  }
  if (failed_ > 0) return fail(Code::invalid, fmt::format("{} not redriven", failed_));
  const std::size_t absent =
      filter_.ids.empty() || arguments_.limit >= 0 ? 0 : filter_.ids.size() - taken_;
  if (absent == 0) return {};
  return fail(Code::not_found,
              fmt::format("{} of the letters were not there to be redriven, {} of them because "
                          "they had been before",
                          absent, done_before_.size()));
}

Result<void> redrive(const Context& context, const Arguments& arguments) {
  TRY(filter, filter_of(arguments.filter));
  for (const std::string& text : arguments.letters) {
    TRY(id, parse_letter_id(text));
    filter.ids.insert(id);
  }
  const bool narrowed = !filter.takes_all() || arguments.filter.partition >= 0;
  if (!narrowed && !arguments.all) {
    return fail(Code::invalid, "redrive which? Name letters, give a filter, or pass --all");
  }
  return Redrive(context, arguments, std::move(filter)).run();
}

}  // namespace

void add_dlq_redrive(CLI::App& dlq, Context& context) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      dlq.add_subcommand("redrive", "Send dead letters back to where they came from");
  command->footer(
      "Each record goes to the topic and partition of its origin, with headers __dlq.redrive.*\n"
      "that say which letter it was and how many times it has been sent back. A letter that was\n"
      "sent back is marked in its topic and not sent again, so an interrupted redrive is simply\n"
      "repeated. A line has letter, where the record is now, and what became of it.\n"
      "\n"
      "Examples:\n"
      "  sluicectl dlq redrive seckill.orders 0:17 0:21\n"
      "  sluicectl dlq redrive seckill.orders --error corrupt --from 2h --dry-run\n"
      "  sluicectl dlq redrive seckill.orders --all --rate 50");
  command->add_option("topic", arguments->topic, "Whose")->required()->type_name("TOPIC");
  command->add_option("letters", arguments->letters, "As 'dlq list' has them")->type_name("LETTER");
  add_filter_options(*command, arguments->filter);
  add_limit_option(*command, arguments->limit)->default_str("");
  command->add_flag("-a,--all", arguments->all, "All that are open");
  command->add_option("--rate", arguments->rate, "At most so many a second")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000}))
      ->type_name("N")
      ->default_str("");
  command->add_flag("--dry-run", arguments->dry_run, "Only say what would be sent");
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return redrive(context, *arguments); };
  });
}

}  // namespace sluice::ctl
