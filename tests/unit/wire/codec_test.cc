// The description of fields, case by case, against bytes counted by hand.

#include "shared/wire/codec.h"

#include <doctest/doctest.h>

#include "shared/wire/codec_define.h"
#include "shared/wire/messages/all.h"

namespace sluice::wire {

namespace {

// A message with one of each rule, flexible from v2.
struct Sample {
  static constexpr std::string_view name = "Sample";
  static constexpr ApiKey key = ApiKey::init_producer_id;
  static constexpr std::int16_t min_version = 0, max_version = 3, flexible_from = 2;

  struct Inner {
    std::int8_t always = 0;
    std::int16_t from_three = 9;

    template <class Io, class M>
    static void fields(Io& io, M& m) {
      io("always", m.always);
      io("from_three", m.from_three, {.since = 3});
    }
  };

  std::optional<std::string> null_from_one;
  std::vector<Inner> inners;
  std::int64_t late_tag = -1;
  std::vector<std::string> early_tag;
  std::int32_t only_zero = -5;

  template <class Io, class M>
  static void fields(Io& io, M& m) {
    io.tagged(5, "late_tag", m.late_tag, {.since = 2, .absent = -1});
    io("null_from_one", m.null_from_one, {.nullable_since = 1});
    io("inners", m.inners);
    io.tagged(1, "early_tag", m.early_tag, {.since = 2});
    io("only_zero", m.only_zero, {.until = 0});
  }
};

Buffer bytes_of(std::initializer_list<int> values) {
  Buffer bytes;
  for (const int value : values) bytes += static_cast<char>(value);
  return bytes;
}

template <class M>
std::string error_of(ByteView body, std::int16_t version) {
  const auto decoded = decode<M>(body, version);
  return decoded ? "none" : decoded.error().context;
}

}  // namespace

TEST_CASE("each version has its own bytes") {
  Sample sample;
  sample.inners = {{.always = 7, .from_three = 258}};
  CHECK((encode(sample, 0) == bytes_of({0, 0, 0, 0, 0, 1, 7, 0xff, 0xff, 0xff, 0xfb})));
  CHECK((encode(sample, 1) == bytes_of({0xff, 0xff, 0, 0, 0, 1, 7})));
  CHECK((encode(sample, 2) == bytes_of({0, 2, 7, 0, 0})));
  CHECK((encode(sample, 3) == bytes_of({0, 2, 7, 1, 2, 0, 0})));
}

TEST_CASE("tagged fields stand behind the others by rising tag, and only if they say something") {
  Sample sample;
  sample.late_tag = 1;
  sample.early_tag = {"ab"};
  CHECK((encode(sample, 2) == bytes_of({0, 1, 2, 1, 4, 2, 3, 'a', 'b',  //
                                        5, 8, 0, 0, 0, 0, 0, 0, 0, 1})));
  const auto decoded = decode<Sample>(encode(sample, 2), 2);
  REQUIRE(decoded);
  CHECK_EQ(decoded->late_tag, 1);
  CHECK_EQ(decoded->early_tag, std::vector<std::string>{"ab"});
  CHECK_EQ(encode(sample, 1).size(), 6);
}

TEST_CASE("unknown tags are skipped, at any depth") {
  const auto decoded =
      decode<Sample>(bytes_of({0, 2, 7, 1, 99, 2, 0xde, 0xad, 1, 0x80, 1, 1, 0xff}), 2);
  REQUIRE(decoded);
  CHECK_EQ(decoded->inners.at(0).always, 7);
  CHECK_EQ(decoded->late_tag, -1);
}

TEST_CASE("a field that the version lacks keeps its default") {
  const auto decoded = decode<Sample>(bytes_of({0, 2, 7, 0, 0}), 2);
  REQUIRE(decoded);
  CHECK_EQ(decoded->inners.at(0).from_three, 9);
  CHECK_EQ(decoded->only_zero, -5);
  CHECK_EQ(print(*decoded, 2),
           "Sample v2 {late_tag: -1, null_from_one: null, inners: [{always: 7}], early_tag: []}");
}

TEST_CASE("an error names the message, the path and the reason") {
  CHECK_EQ(error_of<Sample>(bytes_of({0xff, 0xff, 0, 0, 0, 0}), 0),
           "Sample v0: null_from_one: null is not allowed");
  CHECK_EQ(error_of<Sample>(bytes_of({0, 3, 7, 0}), 2),
           "Sample v2: inners[1].always: the bytes end early");
  CHECK_EQ(error_of<Sample>(bytes_of({0, 2, 7, 1, 99, 2, 0xde}), 2),
           "Sample v2: inners[0].tags: the bytes end early");
  CHECK_EQ(error_of<Sample>(bytes_of({0, 1, 1, 5, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0}), 2),
           "Sample v2: tags: a tagged field is longer than its value");
  CHECK_EQ(error_of<Sample>(bytes_of({0, 1, 1, 5, 2, 0, 0}), 2),
           "Sample v2: late_tag: the bytes end early");
  CHECK_EQ(error_of<Sample>(bytes_of({0, 1, 0, 4, 4}), 2), "none");  // what follows is ignored
  CHECK_EQ(
      error_of<ProduceRequest>(bytes_of({0xff, 0xff, 0, 1, 0, 0, 0, 0, 0,   0, 0, 1, 0, 1, 't',  //
                                         0,    0,    0, 1, 0, 0, 0, 0, 0x7f}),
                               3),
      "ProduceRequest v3: topic_data[0].partition_data[0].records: the bytes end early");
}

TEST_CASE("a huge count fails before anything is reserved for it") {
  CHECK_EQ(error_of<MetadataRequest>(bytes_of({0x7f, 0xff, 0xff, 0xff}), 1),
           "MetadataRequest v1: topics: the count exceeds the bytes that follow");
}

TEST_CASE("request records are a view into the body, response records are owned") {
  ProduceRequest request;
  request.topic_data = {{.name = "t", .partition_data = {{.index = 0, .records = "batch"}}}};
  const Buffer body = encode(request, 9);
  const auto decoded = decode<ProduceRequest>(body, 9);
  REQUIRE(decoded);
  const ByteView records = *decoded->topic_data[0].partition_data[0].records;
  CHECK_EQ(records, "batch");
  CHECK_GE(records.data(), body.data());
  CHECK_LE(records.data() + records.size(), body.data() + body.size());
}

TEST_CASE("sizes counted by hand") {
  ListOffsetsRequest list;
  list.topics = {{.name = "t", .partitions = {{.partition_index = 1, .timestamp = -1}}}};
  CHECK_EQ(encode(list, 0).size(), 4 + 4 + (2 + 1) + 4 + (4 + 8 + 4));
  CHECK_EQ(encode(list, 1).size(), 4 + 4 + (2 + 1) + 4 + (4 + 8));
  CHECK_EQ(encode(list, 4).size(), 4 + 1 + 4 + (2 + 1) + 4 + (4 + 4 + 8));
  CHECK_EQ(encode(list, 6).size(), 4 + 1 + 1 + (1 + 1) + 1 + (4 + 4 + 8 + 1) + 1 + 1);
  HeartbeatResponse heartbeat;
  CHECK_EQ(encode(heartbeat, 0).size(), 2);
  CHECK_EQ(encode(heartbeat, 1).size(), 4 + 2);
  CHECK_EQ(encode(heartbeat, 4).size(), 4 + 2 + 1);
  MetadataRequest all_topics;
  CHECK((encode(all_topics, 0) == bytes_of({0, 0, 0, 0})));
  CHECK((encode(all_topics, 1) == bytes_of({0xff, 0xff, 0xff, 0xff})));
  CHECK((encode(all_topics, 12) == bytes_of({0, 1, 0, 0})));
}

TEST_CASE("print shows names for codes, escapes, and cuts long bytes") {
  HeartbeatResponse response;
  response.error_code = ErrorCode::rebalance_in_progress;
  CHECK_EQ(print(response, 0), "HeartbeatResponse v0 {error_code: rebalance_in_progress(27)}");
  SyncGroupResponse sync;
  sync.assignment = Buffer("\"\n\xff", 3) + Buffer(200, 'a');
  const std::string text = print(sync, 0);
  CHECK(text.find("\"\\\"\\x0a\\xffaaa") != std::string::npos);
  CHECK(text.ends_with("a\" of 203 bytes}"));
}

}  // namespace sluice::wire
