#include "shared/wire/record.h"

#include <algorithm>

#include "shared/base/check.h"
#include "shared/wire/crc32c.h"

namespace sluice::wire {

namespace {

// A varint length, where -1 is null.
std::optional<ByteView> nullable_view(Reader& from) {
  const std::int32_t length = from.varint();
  if (length < -1) from.fail("a length is negative");
  if (length < 0) return std::nullopt;
  return from.take(static_cast<std::size_t>(length));
}

void put_nullable(Writer& to, const std::optional<ByteView>& value) {
  if (!value) return to.varint(-1);
  to.varint(static_cast<std::int64_t>(value->size()));
  to.raw(*value);
}

// A hostile delta must not overflow.
std::int64_t add_wrapping(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

std::int64_t subtract_wrapping(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

}  // namespace

bool RecordCursor::next(Record& into) {
  if (!reason_.empty() || read_ >= batch_.record_count()) return false;
  const std::int32_t length = from_.varint();
  if (length < 0) from_.fail("a record's length is negative");
  Reader body(from_.take(static_cast<std::size_t>(length)));
  if (!from_.ok()) {
    reason_ = from_.reason();
    return false;
  }
  read_fields(into, body);
  if (body.ok() && body.remaining() > 0) body.fail("a record is longer than its fields");
  if (!body.ok()) {
    reason_ = body.reason();
    return false;
  }
  ++read_;
  return true;
}

void RecordCursor::read_fields(Record& into, Reader& body) {
  body.integer<std::int8_t>();  // record attributes: none exist
  const std::int64_t timestamp_delta = body.varlong();
  const std::int32_t offset_delta = body.varint();
  if (offset_delta != read_) body.fail("a record's offset delta is not its position");
  into.offset = add_wrapping(batch_.base_offset(), offset_delta);
  into.timestamp_ms = batch_.timestamp_type() == TimestampType::log_append_time
                          ? batch_.max_timestamp_ms()
                          : add_wrapping(batch_.base_timestamp_ms(), timestamp_delta);
  into.key = nullable_view(body);
  into.value = nullable_view(body);
  read_headers(into, body);
}

void RecordCursor::read_headers(Record& into, Reader& body) {
  into.headers.clear();
  const std::int32_t count = body.varint();
  if (count < 0) body.fail("a record's header count is negative");
  for (std::int32_t i = 0; i < count && body.ok(); ++i) {
    Record::Header& header = into.headers.emplace_back();
    if (const auto key = nullable_view(body)) {
      header.key = *key;
    } else {
      body.fail("a record header's key is null");
    }
    header.value = nullable_view(body);
  }
}

Result<void> RecordCursor::finish() const {
  std::string_view reason = reason_;
  if (reason.empty() && read_ < batch_.record_count()) reason = "the walk stopped early";
  if (reason.empty() && from_.remaining() > 0) reason = "bytes are left over";
  if (reason.empty()) return {};
  return fail(Code::corrupt,
              "record " + std::to_string(read_) + " of a batch: " + std::string(reason));
}

Result<std::vector<Record>> read_records(const RecordBatchView& batch) {
  if (batch.compression() != Compression::none) {
    return fail(Code::unsupported, "record batch: its records are compressed");
  }
  std::vector<Record> records;
  RecordCursor cursor(batch);
  Record record;
  while (cursor.next(record)) records.push_back(record);
  TRY_VOID(cursor.finish());
  return records;
}

void RecordBatchBuilder::add(const Record& record) {
  if (count_ == 0) base_timestamp_ms_ = record.timestamp_ms;
  max_timestamp_ms_ = std::max(max_timestamp_ms_, record.timestamp_ms);
  Buffer body;
  Writer to{BufferSink(body)};
  to.integer(std::int8_t{0});
  to.varint(subtract_wrapping(record.timestamp_ms, base_timestamp_ms_));
  to.varint(count_);
  put_nullable(to, record.key);
  put_nullable(to, record.value);
  to.varint(static_cast<std::int64_t>(record.headers.size()));
  for (const Record::Header& header : record.headers) {
    put_nullable(to, header.key);
    put_nullable(to, header.value);
  }
  Writer whole{BufferSink(records_)};
  whole.varint(static_cast<std::int64_t>(body.size()));
  whole.raw(body);
  ++count_;
}

void RecordBatchBuilder::add(std::int64_t timestamp_ms, std::optional<ByteView> key,
                             std::optional<ByteView> value) {
  add(Record{.timestamp_ms = timestamp_ms, .key = key, .value = value});
}

Buffer RecordBatchBuilder::finish() && {
  CHECK(count_ > 0);
  Buffer covered;  // by the CRC
  covered.reserve(size());
  Writer to{BufferSink(covered)};
  to.integer(static_cast<std::int16_t>((options_.transactional ? 0x10 : 0) |
                                       (options_.control ? 0x20 : 0)));
  to.integer(count_ - 1);
  to.integer(base_timestamp_ms_);
  to.integer(max_timestamp_ms_);
  to.integer(options_.producer_id);
  to.integer(options_.producer_epoch);
  to.integer(options_.base_sequence);
  to.integer(count_);
  to.raw(records_);

  Buffer batch;
  batch.reserve(size());
  Writer front{BufferSink(batch)};
  front.integer(options_.base_offset);
  front.integer(static_cast<std::int32_t>(size() - kBatchLogOverheadBytes));
  front.integer(options_.partition_leader_epoch);
  front.integer(kBatchMagic);
  front.integer(crc32c(covered));
  front.raw(covered);
  return batch;
}

Buffer build_end_transaction_marker(bool commit, std::int64_t producer_id,
                                    std::int16_t producer_epoch, std::int64_t timestamp_ms,
                                    std::int32_t coordinator_epoch) {
  constexpr std::int16_t kMarkerVersion = 0;
  Buffer key;
  append_be(key, kMarkerVersion);
  append_be(key, static_cast<std::int16_t>(commit ? 1 : 0));
  Buffer value;
  append_be(value, kMarkerVersion);
  append_be(value, coordinator_epoch);
  RecordBatchBuilder builder({.producer_id = producer_id,
                              .producer_epoch = producer_epoch,
                              .transactional = true,
                              .control = true});
  builder.add(timestamp_ms, key, value);
  return std::move(builder).finish();
}

}  // namespace sluice::wire
