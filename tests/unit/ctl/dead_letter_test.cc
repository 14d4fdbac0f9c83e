#include "broker/ctl/dead_letter.h"

#include <doctest/doctest.h>

namespace sluice::ctl {

namespace {

using Headers = std::vector<client::HeaderView>;

client::Record record(Headers headers, std::optional<ByteView> key = "k",
                      std::optional<ByteView> value = "v") {
  return {.topic = "dlq.orders",
          .partition = 2,
          .offset = 17,
          .timestamp_ms = 1'000,
          .key = key,
          .value = value,
          .headers = std::move(headers)};
}

Headers errors() {
  return {{"__dlq.errors.topic", "orders"},
          {"__dlq.errors.partition", "3"},
          {"__dlq.errors.offset", "99"},
          {"__dlq.errors.code", "corrupt"},
          {"__dlq.errors.message", "not JSON"}};
}

Headers with(Headers headers, const Headers& more) {
  headers.insert(headers.end(), more.begin(), more.end());
  return headers;
}

}  // namespace

TEST_CASE("a letter says what failed, where and why") {
  const client::Record read = record(with(errors(), {{"trace", "t1"}}));
  CHECK_FALSE(mark_of(read));
  const DeadLetter letter = dead_letter_of(read);
  CHECK(letter.topic == "dlq.orders");
  CHECK(letter.id == LetterId(2, 17));
  CHECK(letter.origin == Place{"orders", 3, 99});
  CHECK(letter.code == "corrupt");
  CHECK(letter.message == "not JSON");
  CHECK(letter.redrives == 0);
  CHECK(letter.holds_copy());
  CHECK(letter.headers.size() == 6);
  CHECK(id_text(letter.id) == "2:17");
  CHECK(place_text(letter.origin) == "orders:3:99");
}

TEST_CASE("without headers the topic's name is the origin") {
  const DeadLetter letter = dead_letter_of(record({}));
  CHECK(letter.origin == Place{"orders", -1, -1});
  CHECK(place_text(letter.origin) == "orders:-:-");
  CHECK(letter.code.empty());
}

TEST_CASE("numbers that are none are not known") {
  for (const char* number : {"", "x", "-4", "2147483648", "99999999999999999999"}) {
    CAPTURE(number);
    CHECK(dead_letter_of(record({{"__dlq.errors.partition", number}})).origin.partition == -1);
  }
  CHECK(dead_letter_of(record({{"__dlq.redrive.attempts", "-1"}})).redrives == 0);
  CHECK(dead_letter_of(record({{"__dlq.errors.offset", std::nullopt}})).origin.offset == -1);
}

TEST_CASE("what the record itself brought along does not pass for the writer's headers") {
  const Headers forged = {{"__dlq.errors.topic", "accounts"}, {"__dlq.errors.partition", "0"}};
  CHECK(dead_letter_of(record(with(errors(), forged))).origin == Place{"orders", 3, 99});
  // Else a record could hide itself, or another, from the list.
  CHECK_FALSE(
      mark_of(record(with(errors(), {{"__dlq.mark.letter", "3"}}), std::nullopt, std::nullopt)));
}

TEST_CASE("a redriven record is the failed one, known by its letter and its attempts") {
  const DeadLetter letter =
      dead_letter_of(record(with(errors(), {{"trace", "t1"}, {"none", std::nullopt}})));
  const client::ProduceRecord sent = redriven_record(letter);
  CHECK(sent.topic == "orders");
  CHECK(sent.partition == 3);
  CHECK(sent.key == "k");
  CHECK(sent.value == "v");
  CHECK(sent.timestamp_ms == 0);
  CHECK(sent.headers == std::vector<client::Header>{{"trace", "t1"},
                                                    {"none", std::nullopt},
                                                    {"__dlq.redrive.topic", "dlq.orders"},
                                                    {"__dlq.redrive.partition", "2"},
                                                    {"__dlq.redrive.offset", "17"},
                                                    {"__dlq.redrive.attempts", "1"}});
}

TEST_CASE("a record that fails again keeps the count, and the headers do not pile up") {
  const DeadLetter letter =
      dead_letter_of(record(with(errors(), {{"trace", "t1"},
                                            {"__dlq.redrive.topic", "dlq.orders"},
                                            {"__dlq.redrive.partition", "2"},
                                            {"__dlq.redrive.offset", "9"},
                                            {"__dlq.redrive.attempts", "4"}})));
  CHECK(letter.redrives == 4);
  const client::ProduceRecord sent = redriven_record(letter);
  REQUIRE(sent.headers.size() == 5);
  CHECK(sent.headers[3] == client::Header{"__dlq.redrive.offset", "17"});
  CHECK(sent.headers[4] == client::Header{"__dlq.redrive.attempts", "5"});
}

TEST_CASE("a mark is read back as it was written") {
  const DeadLetter letter = dead_letter_of(record(errors()));
  const client::ProduceRecord sent = mark_record(letter, {"orders", 3, 1234});
  CHECK(sent.topic == "dlq.orders");
  CHECK(sent.partition == 2);
  CHECK_FALSE(sent.key);
  CHECK_FALSE(sent.value);
  Headers headers;
  for (const client::Header& header : sent.headers) headers.push_back({header.name, *header.value});
  client::Record read = record(headers, std::nullopt, std::nullopt);
  read.offset = 40;
  const auto mark = mark_of(read);
  REQUIRE(mark);
  CHECK(mark->letter == LetterId(2, 17));
  CHECK(mark->to == Place{"orders", 3, 1234});
  CHECK(mark->timestamp_ms == 1'000);
  // A mark stands behind its letter.
  read.offset = 17;
  CHECK_FALSE(mark_of(read));
}

TEST_CASE("a letter without a copy is a letter") {
  const client::Record read = record(errors(), std::nullopt, std::nullopt);
  CHECK_FALSE(mark_of(read));
  CHECK_FALSE(dead_letter_of(read).holds_copy());
  CHECK_FALSE(mark_of(record({}, std::nullopt, std::nullopt)));
}

TEST_CASE("a letter without a copy is sent as its origin has the record") {
  DeadLetter letter = dead_letter_of(record(errors(), std::nullopt, std::nullopt));
  add_copy(letter, {.topic = "orders",
                    .partition = 3,
                    .offset = 99,
                    .key = "k",
                    .value = "v",
                    .headers = {{"trace", "t1"}, {"__dlq.redrive.attempts", "1"}}});
  const client::ProduceRecord sent = redriven_record(letter);
  CHECK(sent.key == "k");
  CHECK(sent.value == "v");
  REQUIRE(sent.headers.size() == 5);
  CHECK(sent.headers[0] == client::Header{"trace", "t1"});
  CHECK(sent.headers[4] == client::Header{"__dlq.redrive.attempts", "2"});
}

TEST_CASE("filters narrow together") {
  const DeadLetter letter = dead_letter_of(record(errors()));
  CHECK(LetterFilter{}.takes_all());
  CHECK(LetterFilter{}.matches(letter));
  CHECK(LetterFilter{.ids = {{2, 17}, {0, 1}}}.matches(letter));
  CHECK_FALSE(LetterFilter{.ids = {{0, 17}}}.matches(letter));
  CHECK(LetterFilter{.code = "corrupt", .key = "k"}.matches(letter));
  CHECK_FALSE(LetterFilter{.code = "corrupt", .key = "other"}.matches(letter));
  CHECK_FALSE(LetterFilter{.code = "other"}.matches(letter));
  CHECK(LetterFilter{.from_ms = 1'000, .to_ms = 1'001}.matches(letter));
  CHECK_FALSE(LetterFilter{.from_ms = 1'001}.matches(letter));
  CHECK_FALSE(LetterFilter{.to_ms = 1'000}.matches(letter));
  CHECK_FALSE(LetterFilter{.key = "k"}.takes_all());
}

TEST_CASE("letters are named partition:offset") {
  CHECK(*parse_letter_id("2:17") == LetterId(2, 17));
  for (const char* text : {"", ":", "2", "2:", ":17", "2:-1", "-1:2", "2:17:3", "2147483648:0"}) {
    CAPTURE(text);
    const auto id = parse_letter_id(text);
    REQUIRE_FALSE(id);
    CHECK(id.error().context.find("expected PARTITION:OFFSET") != std::string::npos);
  }
  CHECK(dead_letter_topic_of("orders") == "dlq.orders");
  CHECK(dead_letter_topic_of("dlq.orders") == "dlq.orders");
}

}  // namespace sluice::ctl
