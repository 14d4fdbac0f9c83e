#include "broker/admin/message_routes.h"

#include <limits>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "broker/admin/record_json.h"

namespace sluice::broker {
namespace {

constexpr std::int64_t kRecordsMax = 1'000;
constexpr std::int64_t kRecordsDefault = 100;
// What one request reads of the log and puts into its answer, about; `next` says where to go on.
// Fetches share the reader threads, so it is some tens of milliseconds of one of them.
constexpr std::size_t kReadBytesMax = 16 << 20;
constexpr std::size_t kAnswerBytesMax = 4 << 20;
// Requests at the same time; one more is told to come again.
constexpr int kFindsMax = 4;

struct Query {
  std::string topic;
  Buffer key;
  std::int32_t only = -1;  // a partition; -1: all
  std::int32_t partition = 0;
  Offset offset = 0;
  std::size_t limit = kRecordsDefault;
};

Result<Query> parse(const http::Request& request) {
  constexpr std::int64_t kPartitionMax = std::numeric_limits<std::int32_t>::max();
  Query query;
  query.topic = http::percent_decode(request.param("topic")).value_or("");
  const auto key = request.query_value("key");
  const auto decoded = key ? http::percent_decode(*key) : std::nullopt;
  if (!decoded) return fail(Code::invalid, "key is missing, or its %-escapes are broken");
  query.key = *decoded;
  if (const auto text = request.query_value("partition")) {
    TRY(partition, number_of("partition", *text, 0, kPartitionMax));
    query.only = query.partition = static_cast<std::int32_t>(partition);
  }
  if (const auto text = request.query_value("limit")) {
    TRY(limit, number_of("limit", *text, 1, kRecordsMax));
    query.limit = static_cast<std::size_t>(limit);
  }
  if (const auto text = request.query_value("from")) {
    const auto decoded_from = http::percent_decode(*text).value_or("");
    const auto colon = decoded_from.find(':');
    TRY(partition, number_of("from's partition", decoded_from.substr(0, colon), 0, kPartitionMax));
    TRY(offset,
        number_of("from's offset", colon == std::string::npos ? "" : decoded_from.substr(colon + 1),
                  0, kOffsetMax));
    query.partition = static_cast<std::int32_t>(partition);
    query.offset = offset;
    if (query.only >= 0 && query.only != query.partition) {
      return fail(Code::invalid, "from is of another partition");
    }
  }
  return query;
}

void append_record(Buffer& to, std::int32_t partition, const Buffer& key,
                   const FoundRecord& record) {
  to += fmt::format("{{\"partition\":{},\"offset\":{},\"timestamp_ms\":{},", partition,
                    record.offset, record.timestamp_ms);
  append_content(to, key, record);
  to += '}';
}

// What was found in the partitions so far.
struct Answer {
  Buffer records;
  std::size_t count = 0;
  FoundRecords sums;  // its numbers

  void add(const Query& query, std::int32_t partition, const FoundRecords& found) {
    for (const FoundRecord& record : found.records) {
      if (count++ > 0) records += ',';
      append_record(records, partition, query.key, record);
    }
    sums.indexed_offsets += found.indexed_offsets;
    sums.scanned_offsets += found.scanned_offsets;
    sums.read_bytes += found.read_bytes;
    sums.unreadable_batches += found.unreadable_batches;
  }
  bool full(const Query& query) const {
    return count >= query.limit || records.size() >= kAnswerBytesMax ||
           sums.read_bytes >= kReadBytesMax;
  }
  http::Response response(const std::string& next) const {
    return http::Response::json(
        200, fmt::format("{{\"records\":[{}],\"next\":{},\"indexed_offsets\":{},"
                         "\"scanned_offsets\":{},\"read_bytes\":{},\"unreadable_batches\":{}}}\n",
                         records, next, sums.indexed_offsets, sums.scanned_offsets, sums.read_bytes,
                         sums.unreadable_batches));
  }
};

std::string place(std::int32_t partition, Offset offset) {
  return fmt::format("\"{}:{}\"", partition, offset);
}

Task<http::Response> find(Broker& broker, Query query) {
  Answer answer;
  for (std::int32_t at = query.partition;; ++at) {
    // It may have gone while the last partition was read.
    const Topic* topic = broker.topics().find(query.topic);
    if (topic == nullptr) co_return no_topic(query.topic);
    const auto log = topic->share(at);
    if (!log) {
      if (at != query.partition) break;
      co_return problem(404, "not-found",
                        fmt::format("topic {} has no partition {}", query.topic, at));
    }
    if (answer.full(query)) co_return answer.response(place(at, 0));
    const auto found =
        co_await log->find({.key = query.key,
                            .from = at == query.partition ? query.offset : 0,
                            .records_max = query.limit - answer.count,
                            .read_bytes_max = kReadBytesMax - answer.sums.read_bytes,
                            .answer_bytes_max = kAnswerBytesMax - answer.records.size()});
    if (!found && found.error().code == Code::closed) co_return no_topic(query.topic);
    if (!found) co_return problem(500, name_of(found.error().code), found.error().context);
    answer.add(query, at, *found);
    if (!found->done) co_return answer.response(place(at, found->next));
    if (query.only >= 0) break;
  }
  co_return answer.response("null");
}

Task<http::Response> find_one_of_few(Broker& broker, Query query, std::shared_ptr<int> running) {
  if (*running >= kFindsMax) {
    co_return problem(503, "overloaded", "other requests for messages are being answered");
  }
  *running += 1;
  auto response = co_await find(broker, std::move(query));
  *running -= 1;
  co_return response;
}

}  // namespace

void add_message_routes(http::Router& router, Broker& broker) {
  router.add(
      "GET", "/v1/topics/{topic}/messages",
      [&broker, running = std::make_shared<int>(0)](const http::Request& request) -> http::Answer {
        auto query = parse(request);
        if (!query) return problem(400, "invalid", query.error().context);
        return find_one_of_few(broker, std::move(*query), running);
      });
}

}  // namespace sluice::broker
