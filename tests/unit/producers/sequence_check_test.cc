#include "broker/producers/sequence_check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace sluice::broker {
namespace {

using wire::ErrorCode;

constexpr std::int32_t kMax = std::numeric_limits<std::int32_t>::max();

BatchIdentity batch(std::int64_t producer_id, std::int16_t epoch, std::int32_t base,
                    std::int32_t count) {
  return {producer_id, epoch, base, count};
}

// "accept", "duplicate of <base offset>" or "refuse <code>".
std::string text(const Verdict& verdict) {
  if (std::holds_alternative<Accept>(verdict)) return "accept";
  if (const auto* duplicate = std::get_if<Duplicate>(&verdict)) {
    return "duplicate of " + std::to_string(duplicate->base_offset);
  }
  return "refuse " + std::string(name_of(std::get<Refuse>(verdict).error_code));
}

struct Stored {
  BatchIdentity batch;
  std::int64_t base_offset;
};

TEST_CASE("what follows which stored batches") {
  struct Row {
    const char* rule;
    std::vector<Stored> given;
    BatchIdentity when;
    const char* then;
  };
  const std::vector<Stored> one = {{batch(7, 0, 0, 10), 100}};
  const std::vector<Stored> six = {{batch(7, 0, 0, 1), 100}, {batch(7, 0, 1, 2), 101},
                                   {batch(7, 0, 3, 1), 103}, {batch(7, 0, 4, 1), 104},
                                   {batch(7, 0, 5, 1), 105}, {batch(7, 0, 6, 1), 106}};
  const std::vector<Stored> at_end = {{batch(7, 0, kMax - 9, 10), 100}};
  const Row rows[] = {
      {"no producer id", {}, batch(-1, -1, -1, 3), "accept"},
      {"first batch", {}, batch(7, 0, 0, 1), "accept"},
      {"unknown producer, any sequence", {}, batch(7, 3, 5000, 1), "accept"},
      {"other producer's state does not matter", one, batch(8, 0, 77, 1), "accept"},
      {"next in sequence", one, batch(7, 0, 10, 5), "accept"},
      {"gap", one, batch(7, 0, 11, 1), "refuse out_of_order_sequence_number"},
      {"same batch again", one, batch(7, 0, 0, 10), "duplicate of 100"},
      {"same base, other length", one, batch(7, 0, 0, 9), "refuse out_of_order_sequence_number"},
      {"inside of a stored batch", one, batch(7, 0, 5, 1), "refuse out_of_order_sequence_number"},
      {"newest of the window", six, batch(7, 0, 6, 1), "duplicate of 106"},
      {"oldest of the window", six, batch(7, 0, 1, 2), "duplicate of 101"},
      {"before the window", six, batch(7, 0, 0, 1), "refuse out_of_order_sequence_number"},
      {"two batches as one", six, batch(7, 0, 3, 2), "refuse out_of_order_sequence_number"},
      {"older epoch", {{batch(7, 2, 0, 1), 5}}, batch(7, 1, 1, 1), "refuse invalid_producer_epoch"},
      {"older epoch, same sequence",
       {{batch(7, 2, 0, 1), 5}},
       batch(7, 1, 0, 1),
       "refuse invalid_producer_epoch"},
      {"newer epoch starts at 0", one, batch(7, 1, 0, 10), "accept"},
      {"newer epoch elsewhere", one, batch(7, 1, 10, 1), "refuse out_of_order_sequence_number"},
      {"after INT32_MAX comes 0", at_end, batch(7, 0, 0, 1), "accept"},
      {"after INT32_MAX not 1", at_end, batch(7, 0, 1, 1), "refuse out_of_order_sequence_number"},
      {"batch over the wrap", {{batch(7, 0, kMax - 1, 5), 100}}, batch(7, 0, 3, 1), "accept"},
      {"batch over the wrap again",
       {{batch(7, 0, kMax - 1, 5), 100}},
       batch(7, 0, kMax - 1, 5),
       "duplicate of 100"},
      {"negative epoch", {}, batch(7, -1, 0, 1), "refuse invalid_record"},
      {"negative sequence", {}, batch(7, 0, -1, 1), "refuse invalid_record"},
      {"no records", {}, batch(7, 0, 0, 0), "refuse invalid_record"},
      {"negative records", {}, batch(7, 0, 0, -5), "refuse invalid_record"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.rule);
    SequenceCheck check({});
    for (const Stored& stored : row.given) {
      CHECK(check.append(stored.batch, stored.base_offset, WallTime{1}).empty());
    }
    CHECK(text(check.check(row.when)) == row.then);

    // The same after a restart.
    SequenceCheck restored({});
    for (const ProducerView& producer : check.list()) {
      REQUIRE(restored.restore(producer.producer_id, check.encode(producer.producer_id)));
    }
    CHECK(text(restored.check(row.when)) == row.then);
  }
}

TEST_CASE("a new epoch forgets the batches of the old one") {
  SequenceCheck check({});
  check.append(batch(7, 0, 0, 10), 100, WallTime{1});
  check.append(batch(7, 1, 0, 10), 110, WallTime{2});
  const Verdict verdict = check.check(batch(7, 1, 0, 10));
  REQUIRE(std::holds_alternative<Duplicate>(verdict));
  CHECK(std::get<Duplicate>(verdict).base_offset == 110);
  CHECK(std::get<Duplicate>(verdict).timestamp == 2);
}

TEST_CASE("an idle producer is forgotten, then any sequence is new") {
  SequenceCheck check({.expiration = Millis(100)});
  check.append(batch(1, 0, 0, 1), 0, WallTime{1000});
  check.append(batch(2, 0, 0, 1), 1, WallTime{1000});
  check.append(batch(1, 0, 1, 1), 2, WallTime{1050});
  CHECK(check.expire(WallTime{1099}).empty());
  CHECK(check.expire(WallTime{1100}) == std::vector<std::int64_t>{2});
  CHECK(text(check.check(batch(2, 0, 55, 1))) == "accept");
  CHECK(text(check.check(batch(1, 0, 1, 1))) == "duplicate of 2");
  CHECK(check.expire(WallTime{1150}) == std::vector<std::int64_t>{1});
  CHECK(check.size() == 0);
}

TEST_CASE("expire does at most `limit` at a time") {
  SequenceCheck check({.expiration = Millis(0)});
  for (int id = 0; id < 5; ++id) check.append(batch(id, 0, 0, 1), id, WallTime{1});
  CHECK(check.expire(WallTime{2}, 3).size() == 3);
  CHECK(check.expire(WallTime{2}, 3).size() == 2);
}

TEST_CASE("above producers_max the longest idle is forgotten, never the one that appends") {
  SequenceCheck check({.producers_max = 2});
  CHECK(check.append(batch(1, 0, 0, 1), 0, WallTime{30}).empty());
  CHECK(check.append(batch(2, 0, 0, 1), 1, WallTime{20}).empty());
  CHECK(check.append(batch(1, 0, 1, 1), 2, WallTime{40}).empty());
  CHECK(check.append(batch(3, 0, 0, 1), 3, WallTime{50}) == std::vector<std::int64_t>{2});
  // The wall clock stepped back.
  CHECK(check.append(batch(4, 0, 0, 1), 4, WallTime{10}) == std::vector<std::int64_t>{1});
  CHECK(check.size() == 2);
  CHECK(check.find(4));
}

TEST_CASE("a lowered limit is applied by the next append") {
  SequenceCheck before({});
  for (int id = 0; id < 5; ++id) before.append(batch(id, 0, 0, 1), id, WallTime{id});
  SequenceCheck after({.producers_max = 2});
  for (int id = 0; id < 5; ++id) REQUIRE(after.restore(id, before.encode(id)));
  CHECK(after.size() == 5);
  CHECK(after.append(batch(9, 0, 0, 1), 9, WallTime{9}) == std::vector<std::int64_t>{0, 1, 2, 3});
  CHECK(after.size() == 2);
}

TEST_CASE("find tells what DescribeProducers shows") {
  SequenceCheck check({});
  CHECK_FALSE(check.find(7));
  check.append(batch(7, 3, 20, 5), 100, WallTime{77});
  const auto view = check.find(7);
  REQUIRE(view);
  CHECK(view->producer_epoch == 3);
  CHECK(view->last_sequence == 24);
  CHECK(view->last_timestamp == 77);
}

Buffer stored_state(int batches) {
  SequenceCheck check({});
  for (int i = 0; i < batches; ++i) check.append(batch(7, 2, i * 10, 10), 100 + i, WallTime{5});
  return check.encode(7);
}

TEST_CASE("the stored form is small and stable") {
  CHECK(stored_state(1).size() == 12 + 24);
  CHECK(stored_state(9).size() == 12 + 5 * 24);
  const char expected[] =
      "\x01"
      "\x00\x02"
      "\x00\x00\x00\x00\x00\x00\x00\x05"
      "\x01"
      "\x00\x00\x00\x00"
      "\x00\x00\x00\x09"
      "\x00\x00\x00\x00\x00\x00\x00\x64"
      "\x00\x00\x00\x00\x00\x00\x00\x05";
  CHECK(stored_state(1) == Buffer(expected, sizeof expected - 1));
}

TEST_CASE("damaged stored state is an error and changes nothing") {
  const Buffer good = stored_state(5);
  auto with = [&](std::size_t at, char value) {
    Buffer bytes = good;
    bytes[at] = value;
    return bytes;
  };
  struct Row {
    const char* given;
    Buffer stored;
    Code then;
  };
  const Row rows[] = {
      {"empty", "", Code::corrupt},
      {"version 2", with(0, 2), Code::unsupported},
      {"negative epoch", with(1, '\xff'), Code::corrupt},
      {"count 0", with(11, 0), Code::corrupt},
      {"count 6", with(11, 6), Code::corrupt},
      {"count 4 but five batches", with(11, 4), Code::corrupt},
      {"negative base sequence", with(12, '\xff'), Code::corrupt},
      {"negative last sequence", with(16, '\xff'), Code::corrupt},
      {"negative offset", with(20, '\xff'), Code::corrupt},
      {"gap between batches", with(19, 8), Code::corrupt},
      {"one byte more", good + "x", Code::corrupt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.given);
    SequenceCheck check({});
    const auto result = check.restore(7, row.stored);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == row.then);
    CHECK(check.size() == 0);
  }
  for (std::size_t length = 0; length < good.size(); ++length) {
    SequenceCheck check({});
    CHECK_FALSE(check.restore(7, ByteView(good).substr(0, length)));
  }
  SequenceCheck check({});
  CHECK_FALSE(check.restore(-1, good));
}

}  // namespace
}  // namespace sluice::broker
