#include "shared/wire/record_batch.h"

#include <doctest/doctest.h>

#include <limits>

#include "shared/wire/crc32c.h"
#include "shared/wire/record.h"

namespace sluice::wire {

namespace {

Buffer sample_batch(RecordBatchBuilder::Options options = {}) {
  RecordBatchBuilder builder(options);
  builder.add(1000, "key", "value");
  Record record;
  record.timestamp_ms = 990;
  record.value = "";
  record.headers = {{"deliver-at", "1234"}, {"empty", std::nullopt}};
  builder.add(record);
  builder.add(1020, std::nullopt, std::nullopt);
  return std::move(builder).finish();
}

Code code_of(const Result<void>& result) {
  REQUIRE_FALSE(result);
  return result.error().code;
}

// The CRC of changed bytes, so that what lies behind the CRC check is reached.
void renew_crc(Buffer& batch) {
  store_be(batch.data() + 17, crc32c(ByteView(batch).substr(21)));
}

}  // namespace

TEST_CASE("crc32c: the check value, the empty string, and both ways agree at every length") {
  CHECK_EQ(crc32c("123456789"), 0xe3069283);
  CHECK_EQ(crc32c(""), 0);
  CHECK_EQ(crc32c("6789", crc32c("12345")), 0xe3069283);
  Buffer bytes;
  for (int i = 0; i < 300; ++i) {
    CHECK_EQ(crc32c(bytes), crc32c_by_table(bytes));
    bytes += static_cast<char>(i * 37);
  }
}

TEST_CASE("a built batch says what was put into it") {
  const Buffer bytes = sample_batch({.base_offset = 100,
                                     .producer_id = 5,
                                     .producer_epoch = 2,
                                     .base_sequence = std::numeric_limits<std::int32_t>::max() - 1,
                                     .transactional = true});
  const auto batch = RecordBatchView::at_front(bytes);
  REQUIRE(batch);
  CHECK(batch->validate_deep());
  CHECK_EQ(batch->size(), bytes.size());
  CHECK_EQ(batch->record_count(), 3);
  CHECK_EQ(batch->base_offset(), 100);
  CHECK_EQ(batch->last_offset(), 102);
  CHECK_EQ(batch->next_offset(), 103);
  CHECK_EQ(batch->base_timestamp_ms(), 1000);
  CHECK_EQ(batch->max_timestamp_ms(), 1020);
  CHECK_EQ(batch->last_sequence(), 0);
  CHECK(batch->is_transactional());
  CHECK_FALSE(batch->is_control());
  const auto records = read_records(*batch);
  REQUIRE(records);
  REQUIRE_EQ(records->size(), 3);
  CHECK_EQ((*records)[0].key, "key");
  CHECK_EQ((*records)[1].timestamp_ms, 990);
  CHECK_EQ((*records)[1].key, std::nullopt);
  CHECK_EQ((*records)[1].value, "");
  CHECK_EQ((*records)[1].headers[0].value, "1234");
  CHECK_EQ((*records)[1].headers[1].value, std::nullopt);
  CHECK_EQ((*records)[2].value, std::nullopt);
  CHECK_EQ((*records)[2].offset, 102);
}

TEST_CASE("stamping offset and epoch leaves the CRC right") {
  Buffer bytes = sample_batch();
  stamp_batch(bytes.data(), 1234567890123, 7);
  const auto batch = RecordBatchView::at_front(bytes);
  REQUIRE(batch);
  CHECK(batch->validate());
  CHECK_EQ(batch->base_offset(), 1234567890123);
  CHECK_EQ(batch->partition_leader_epoch(), 7);
}

TEST_CASE("append time goes into every record and the CRC") {
  Buffer bytes = sample_batch();
  stamp_log_append_time(bytes.data(), bytes.size(), 5555);
  const auto batch = RecordBatchView::at_front(bytes);
  REQUIRE(batch);
  CHECK(batch->validate_deep());
  CHECK(batch->timestamp_type() == TimestampType::log_append_time);
  const auto records = read_records(*batch);
  REQUIRE(records);
  for (const Record& record : *records) CHECK_EQ(record.timestamp_ms, 5555);
}

TEST_CASE("every flipped bit is noticed, except where the log itself writes") {
  const Buffer good = sample_batch();
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    const std::size_t position = bit / 8;
    if (position < 8 || (position >= 12 && position < 16)) continue;  // base offset, leader epoch
    CAPTURE(bit);
    Buffer bad = good;
    bad[position] = static_cast<char>(bad[position] ^ (1 << (bit % 8)));
    const auto batch = RecordBatchView::at_front(bad);
    REQUIRE((!batch || !batch->validate()));
  }
}

TEST_CASE("every cut is noticed") {
  const Buffer good = sample_batch();
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::vector<char> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    const auto batch = RecordBatchView::at_front(ByteView(cut.data(), cut.size()));
    REQUIRE_FALSE(batch);
    CHECK_EQ(batch.error().code, Code::corrupt);
  }
}

TEST_CASE("older formats are unsupported, impossible lengths corrupt") {
  Buffer old = sample_batch();
  old[16] = 1;
  CHECK_EQ(RecordBatchView::at_front(old).error().code, Code::unsupported);
  for (const std::int32_t length : {-1, 0, 48, std::numeric_limits<std::int32_t>::max()}) {
    Buffer bytes = sample_batch();
    store_be(bytes.data() + 8, length);
    CHECK_EQ(RecordBatchView::at_front(bytes).error().code, Code::corrupt);
  }
}

TEST_CASE("what contradicts itself under a right CRC is invalid") {
  struct Row {
    const char* what;
    std::size_t at;
    std::int32_t value;
    bool wide;  // int32, else int16
  };
  const Row rows[] = {
      {"codec", 21, 5, false},
      {"transactional without a producer", 21, 0x10, false},
      {"last offset delta", 23, 3, true},
      {"count", 57, 2, true},
      {"no records", 57, 0, true},
      {"negative count", 57, -3, true},
      {"negative producer id", 43, -2, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Buffer bytes = sample_batch();
    if (row.wide) {
      store_be(bytes.data() + row.at, row.value);
    } else {
      store_be(bytes.data() + row.at, static_cast<std::int16_t>(row.value));
    }
    renew_crc(bytes);
    CHECK_EQ(code_of(RecordBatchView::at_front(bytes)->validate()), Code::invalid);
  }
  const Buffer no_sequence = sample_batch({.producer_id = 1, .producer_epoch = 0});
  CHECK_EQ(code_of(RecordBatchView::at_front(no_sequence)->validate()), Code::invalid);
}

TEST_CASE("the deep check reads the records") {
  Buffer more = sample_batch();
  store_be(more.data() + 23, std::int32_t{3});
  store_be(more.data() + 57, std::int32_t{4});
  renew_crc(more);
  const auto batch = RecordBatchView::at_front(more);
  CHECK(batch->validate());
  CHECK_EQ(code_of(batch->validate_deep()), Code::corrupt);

  Buffer fewer = sample_batch();
  store_be(fewer.data() + 23, std::int32_t{1});
  store_be(fewer.data() + 57, std::int32_t{2});
  renew_crc(fewer);
  CHECK_EQ(code_of(RecordBatchView::at_front(fewer)->validate_deep()), Code::corrupt);
}

TEST_CASE("batches one behind the other are told apart") {
  const Buffer one = sample_batch();
  const Buffer two = build_end_transaction_marker(true, 9, 1, 77);
  const Buffer both = one + two;
  const auto batches = split_batches(both);
  REQUIRE(batches);
  REQUIRE_EQ(batches->size(), 2);
  CHECK_EQ((*batches)[0].bytes(), one);
  CHECK_EQ((*batches)[1].bytes(), two);
  CHECK(split_batches("")->empty());
  CHECK_FALSE(split_batches(ByteView(both).substr(0, both.size() - 1)));
  CHECK_FALSE(split_batches(both + "x"));
}

TEST_CASE("the end of a transaction is a control batch of one record") {
  const Buffer bytes = build_end_transaction_marker(false, 9, 1, 77, 3);
  const auto batch = RecordBatchView::at_front(bytes);
  REQUIRE(batch);
  CHECK(batch->validate_deep());
  CHECK(batch->is_control());
  CHECK(batch->is_transactional());
  CHECK_EQ(batch->base_sequence(), -1);
  const auto records = read_records(*batch);
  REQUIRE(records);
  CHECK_EQ((*records)[0].key, ByteView("\0\0\0\0", 4));
  CHECK_EQ((*records)[0].value, ByteView("\0\0\0\0\0\3", 6));
}

TEST_CASE("absurd offsets and times of a client do not overflow") {
  Buffer bytes = sample_batch({.base_offset = std::numeric_limits<std::int64_t>::max()});
  const auto batch = RecordBatchView::at_front(bytes);
  CHECK_EQ(batch->next_offset(), std::numeric_limits<std::int64_t>::min() + 2);
  store_be(bytes.data() + 27, std::numeric_limits<std::int64_t>::max());
  renew_crc(bytes);
  CHECK(read_records(*RecordBatchView::at_front(bytes)));
}

}  // namespace sluice::wire
