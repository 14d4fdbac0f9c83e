#include "broker/delay/delay_split.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "shared/wire/compression.h"
#include "shared/wire/record.h"

namespace sluice::broker {
namespace {

using wire::Compression;

constexpr WallTime kNow{1'700'000'000'000};
constexpr std::size_t kRecordBytesMax = 1'000;

struct Given {
  std::string value;
  std::vector<wire::Record::Header> headers;
};

wire::Record record_of(const Given& given, std::int64_t timestamp) {
  wire::Record record{.timestamp_ms = timestamp, .key = "k", .value = given.value};
  record.headers = given.headers;
  return record;
}

// Of an idempotent producer; times run from 500.
Buffer batch_of(const std::vector<Given>& records, Compression codec = Compression::none) {
  wire::RecordBatchBuilder builder({.producer_id = 4, .producer_epoch = 1, .base_sequence = 10});
  std::int64_t timestamp = 500;
  for (const Given& given : records) builder.add(record_of(given, timestamp++));
  const auto batch = std::move(builder).finish(codec);
  REQUIRE(batch);
  return *batch;
}

std::expected<DelaySplit, SplitError> split(const Buffer& bytes) {
  const auto batch = wire::RecordBatchView::at_front(bytes);
  REQUIRE(batch);
  Buffer storage;
  const auto plain = wire::plain_records(*batch, storage);
  REQUIRE(plain);
  return split_delayed(*batch, *plain, kNow, kRecordBytesMax);
}

// "value@timestamp " of each record; every header is there.
std::string text_of(const Buffer& bytes, Compression codec) {
  const auto batch = wire::RecordBatchView::at_front(bytes);
  REQUIRE(batch);
  REQUIRE(batch->validate_deep());
  REQUIRE(batch->size() == bytes.size());
  CHECK(batch->compression() == codec);
  CHECK(batch->producer_id() == wire::kNoProducerId);
  Buffer storage;
  const auto plain = wire::plain_records(*batch, storage);
  REQUIRE(plain);
  std::string text;
  wire::RecordCursor cursor(*batch, *plain);
  wire::Record record;
  while (cursor.next(record)) {
    CHECK(record.key == "k");
    text += fmt::format("{}@{}/{} ", *record.value, record.timestamp_ms, record.headers.size());
  }
  REQUIRE(cursor.finish());
  return text;
}

TEST_CASE("a batch without delays is appended as it is") {
  for (const auto& records : std::vector<std::vector<Given>>{
           {{"a", {}}, {"b", {{"x", "y"}}}},
           {{"deliver-at in a value", {}}, {"b", {{"x", "delay-ms"}}}},
           {{"a", {{"deliver-at", "7"}}}, {"b", {{"delay-ms", "0"}}}},
       }) {
    const auto parts = split(batch_of(records));
    REQUIRE(parts);
    CHECK_FALSE(parts->rest);
    CHECK(parts->delayed.empty());
  }
}

TEST_CASE("a mixed batch, in every codec") {
  for (const auto codec : {Compression::none, Compression::gzip, Compression::snappy,
                           Compression::lz4, Compression::zstd}) {
    const auto parts = split(batch_of({{"a", {}},
                                       {"b", {{"delay-ms", "30"}}},
                                       {"c", {{"deliver-at", "9"}, {"x", "y"}}},
                                       {"d", {{"deliver-at", "1700000000001"}, {"x", "y"}}}},
                                      codec));
    REQUIRE(parts);
    REQUIRE(parts->rest);
    CHECK(text_of(*parts->rest, codec) == "a@500/0 c@502/2 ");
    REQUIRE(parts->delayed.size() == 2);
    CHECK(parts->delayed[0].due_ms == kNow.unix_millis + 30);
    CHECK(text_of(parts->delayed[0].batch, Compression::none) == "b@501/1 ");
    CHECK(parts->delayed[1].due_ms == kNow.unix_millis + 1);
    CHECK(text_of(parts->delayed[1].batch, Compression::none) == "d@503/2 ");
  }
}

TEST_CASE("a batch of which all is delayed") {
  const auto parts = split(batch_of({{"a", {{"delay-ms", "1"}}}, {"b", {{"delay-ms", "1"}}}}));
  REQUIRE(parts);
  CHECK_FALSE(parts->rest);
  CHECK(parts->delayed.size() == 2);
}

TEST_CASE("one bad record refuses the batch, and is named") {
  const auto bad = split(batch_of({{"a", {{"delay-ms", "1"}}}, {"b", {{"delay-ms", "x"}}}}));
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == Code::invalid);
  CHECK(bad.error().record == 1);
  CHECK(bad.error().context.starts_with("record 1: header delay-ms is \"x\""));

  const std::string large(kRecordBytesMax, 'x');
  const auto too_large = split(batch_of({{large, {}}, {large, {{"delay-ms", "1"}}}}));
  REQUIRE_FALSE(too_large);
  CHECK(too_large.error().code == Code::too_large);
  CHECK(too_large.error().record == 1);
  CHECK(too_large.error().context.find("max.message.bytes is 1000") != std::string::npos);
}

TEST_CASE("records that do not read to their end are not taken") {
  Buffer batch = batch_of({{"a", {{"delay-ms", "1"}}}});
  const auto view = wire::RecordBatchView::at_front(batch);
  const auto cut = split_delayed(*view, view->records().substr(0, view->records().size() - 1), kNow,
                                 kRecordBytesMax);
  REQUIRE_FALSE(cut);
  CHECK(cut.error().code == Code::corrupt);
}

TEST_CASE("too many delayed records of one batch") {
  wire::RecordBatchBuilder builder;
  wire::Record record{.timestamp_ms = 1, .headers = {{"delay-ms", "1"}}};
  for (std::size_t i = 0; i <= kDelayedRecordsMax; ++i) builder.add(record);
  const auto parts = split(std::move(builder).finish());
  REQUIRE_FALSE(parts);
  CHECK(parts.error().code == Code::too_large);
  CHECK(parts.error().context.find("100000") != std::string::npos);
}

}  // namespace
}  // namespace sluice::broker
