#include "broker/admin/delay_routes.h"

#include <charconv>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "broker/admin/record_json.h"
#include "broker/log/delay_reader.h"
#include "shared/http/problem.h"

namespace sluice::broker {
namespace {

constexpr std::int64_t kRecordsMax = 1'000;
constexpr std::int64_t kRecordsDefault = 100;
// Of the records of one page, as they are stored, about; `next` says where to go on.
constexpr std::size_t kPageBytesMax = 2 << 20;
// Lists and looks at the same time; one more is told to come again. They share the reader threads
// with fetches.
constexpr int kReadsMax = 4;

// What a person calls a delayed record: <partition>-<due ms>-<sequence>.
struct DelayedId {
  std::int32_t partition = 0;
  DelayPosition at;
};

std::string text_of(const DelayedId& id) {
  return fmt::format("{}-{}-{}", id.partition, id.at.due_ms, id.at.sequence);
}

template <class T>
bool take_number(std::string_view& text, T& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  if (error != std::errc() || into < T{0}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_dash(std::string_view& text) {
  if (!text.starts_with('-')) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<DelayedId> parse_id(std::string_view text) {
  DelayedId id;
  const bool read = take_number(text, id.partition) && take_dash(text) &&
                    take_number(text, id.at.due_ms) && take_dash(text) &&
                    take_number(text, id.at.sequence);
  return read && text.empty() ? std::optional(id) : std::nullopt;
}

void append_waiting(Buffer& to, std::int32_t partition, const WaitingRecord& waiting) {
  to += fmt::format("{{\"id\":\"{}\",\"partition\":{},\"due_ms\":{},",
                    text_of({partition, waiting.at}), partition, waiting.at.due_ms);
  if (waiting.damage) {
    to += "\"damage\":";
    http::append_json_string(to, waiting.damage->context);
    to += '}';
    return;
  }
  to += fmt::format("\"timestamp_ms\":{},", waiting.record.timestamp_ms);
  append_content(to, waiting.key, waiting.record);
  to += '}';
}

struct Query {
  std::string topic;
  std::int32_t only = -1;  // a partition; -1: all
  DelayedId from;
  std::size_t limit = kRecordsDefault;
};

std::string topic_in(const http::Request& request) {
  return http::percent_decode(request.param("topic")).value_or("");
}

Result<Query> parse(const http::Request& request) {
  Query query{.topic = topic_in(request)};
  if (const auto text = request.query_value("partition")) {
    TRY(partition, number_of("partition", *text, 0, std::numeric_limits<std::int32_t>::max()));
    query.only = query.from.partition = static_cast<std::int32_t>(partition);
  }
  if (const auto text = request.query_value("limit")) {
    TRY(limit, number_of("limit", *text, 1, kRecordsMax));
    query.limit = static_cast<std::size_t>(limit);
  }
  if (const auto text = request.query_value("from")) {
    const auto from = parse_id(*text);
    if (!from) {
      return fail(Code::invalid, "from is the id of a delayed record: partition-due-sequence");
    }
    if (query.only >= 0 && query.only != from->partition) {
      return fail(Code::invalid, "from is of another partition");
    }
    query.from = *from;
  }
  return query;
}

http::Response no_partition(std::string_view topic, std::int32_t partition) {
  return problem(404, "not-found", fmt::format("topic {} has no partition {}", topic, partition));
}

http::Response no_record(std::string_view topic, std::string_view id) {
  return problem(404, "not-found",
                 fmt::format("topic {} has no delayed record {}: it was delivered or cancelled, or "
                             "never was",
                             topic, id));
}

http::Response refusal(const Error& error) {
  const bool later =
      error.code == Code::overloaded || error.code == Code::closed || error.code == Code::storage;
  return problem(later ? 503 : 500, name_of(error.code), error.context);
}

std::uint64_t pending_of(const Topic& topic) {
  std::uint64_t pending = 0;
  for (const auto& partition : topic.partitions) pending += partition->delays().pending();
  return pending;
}

// Partition by partition, as long as there is room.
Task<http::Response> list(Broker& broker, Query query) {
  Buffer records;
  std::size_t count = 0;
  std::size_t bytes = 0;
  std::string next = "null";
  for (DelayedId at = query.from;; at = {at.partition + 1, {}}) {
    // It may have gone while the last partition was read.
    const Topic* topic = broker.topics().find(query.topic);
    if (topic == nullptr) co_return no_topic(query.topic);
    const auto log = topic->share(at.partition);
    if (!log && at.partition == query.from.partition) {
      co_return no_partition(query.topic, at.partition);
    }
    if (!log) break;
    if (log->delays().pending() > 0) {
      if (count >= query.limit || bytes >= kPageBytesMax) {
        next = fmt::format("\"{}\"", text_of(at));
        break;
      }
      auto job = [&store = broker.store(), id = log->id(), from = at.at,
                  limit = query.limit - count, left = kPageBytesMax - bytes] {
        return list_delayed(store, id, from, limit, left);
      };
      const auto page = co_await broker.readers().run(std::move(job));
      if (!page) co_return refusal(page.error());
      for (const WaitingRecord& waiting : page->records) {
        if (count++ > 0) records += ',';
        append_waiting(records, at.partition, waiting);
      }
      bytes += page->bytes;
      if (page->next) {
        next = fmt::format("\"{}\"", text_of({at.partition, *page->next}));
        break;
      }
    }
    if (query.only >= 0) break;
  }
  const Topic* topic = broker.topics().find(query.topic);
  co_return http::Response::json(
      200, fmt::format("{{\"pending\":{},\"records\":[{}],\"next\":{}}}\n",
                       topic == nullptr ? 0 : pending_of(*topic), records, next));
}

Task<http::Response> show(Broker& broker, std::string topic, std::string text) {
  const auto id = parse_id(text);
  const Topic* found = broker.topics().find(topic);
  if (found == nullptr) co_return no_topic(topic);
  const auto log = id ? found->share(id->partition) : nullptr;
  if (!log) co_return no_record(topic, text);
  auto job = [&store = broker.store(), partition = log->id(), at = id->at] {
    return find_delayed(store, partition, at);
  };
  const auto waiting = co_await broker.readers().run(std::move(job));
  if (!waiting) co_return refusal(waiting.error());
  if (!*waiting) co_return no_record(topic, text);
  Buffer body;
  append_waiting(body, id->partition, **waiting);
  body += '\n';
  co_return http::Response::json(200, std::move(body));
}

Task<http::Response> one_of_few(Task<http::Response> reading, std::shared_ptr<int> running) {
  auto response = co_await reading;
  *running -= 1;
  co_return response;
}

http::Response busy() {
  return problem(503, "overloaded", "other requests for delayed records are being answered");
}

// Bounded by the delayer itself.
Task<http::Response> cancel(Broker& broker, std::string topic, std::string text) {
  const auto id = parse_id(text);
  const Topic* found = broker.topics().find(topic);
  if (found == nullptr) co_return no_topic(topic);
  auto log = id ? found->share(id->partition) : nullptr;
  if (!log) co_return no_record(topic, text);
  const auto cancelled = co_await broker.delayer().cancel(std::move(log), id->at);
  if (!cancelled) co_return refusal(cancelled.error());
  if (!*cancelled) co_return no_record(topic, text);
  co_return http::Response(204);
}

}  // namespace

void add_delay_routes(http::Router& router, Broker& broker) {
  const auto running = std::make_shared<int>(0);
  router.add("GET", "/v1/topics/{topic}/delayed",
             [&broker, running](const http::Request& request) -> http::Answer {
               auto query = parse(request);
               if (!query) return problem(400, "invalid", query.error().context);
               if (*running >= kReadsMax) return busy();
               *running += 1;
               return one_of_few(list(broker, std::move(*query)), running);
             });
  router.add("GET", "/v1/topics/{topic}/delayed/{id}",
             [&broker, running](const http::Request& request) -> http::Answer {
               if (*running >= kReadsMax) return busy();
               *running += 1;
               return one_of_few(show(broker, topic_in(request), std::string(request.param("id"))),
                                 running);
             });
  router.add("DELETE", "/v1/topics/{topic}/delayed/{id}",
             [&broker](const http::Request& request) -> http::Answer {
               return cancel(broker, topic_in(request), std::string(request.param("id")));
             });
}

}  // namespace sluice::broker
