#include "shared/wire/record.h"

#include <algorithm>

#include "shared/base/check.h"
#include "shared/wire/compression.h"
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

void put_record(Writer& to, const Record& record, std::int64_t base_timestamp_ms,
                std::int32_t offset_delta) {
  Buffer body;
  Writer fields{BufferSink(body)};
  fields.integer(std::int8_t{0});
  fields.varint(subtract_wrapping(record.timestamp_ms, base_timestamp_ms));
  fields.varint(offset_delta);
  put_nullable(fields, record.key);
  put_nullable(fields, record.value);
  fields.varint(static_cast<std::int64_t>(record.headers.size()));
  for (const Record::Header& header : record.headers) {
    put_nullable(fields, header.key);
    put_nullable(fields, header.value);
  }
  to.varint(static_cast<std::int64_t>(body.size()));
  to.raw(body);
}

// Everything of a batch's header that its CRC covers, and the rest of its front.
struct Front {
  std::int64_t base_offset = 0;
  std::int32_t leader_epoch = -1;
  std::int16_t attributes = 0;
  std::int32_t last_offset_delta = 0;
  std::int64_t base_timestamp_ms = kNoTimestamp;
  std::int64_t max_timestamp_ms = kNoTimestamp;
  std::int64_t producer_id = kNoProducerId;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  std::int32_t record_count = 0;
};

Buffer assemble(const Front& header, ByteView records) {
  const std::size_t size = kBatchHeaderBytes + records.size();
  Buffer covered;
  covered.reserve(size);
  Writer to{BufferSink(covered)};
  to.integer(header.attributes);
  to.integer(header.last_offset_delta);
  to.integer(header.base_timestamp_ms);
  to.integer(header.max_timestamp_ms);
  to.integer(header.producer_id);
  to.integer(header.producer_epoch);
  to.integer(header.base_sequence);
  to.integer(header.record_count);
  to.raw(records);

  Buffer batch;
  batch.reserve(size);
  Writer front{BufferSink(batch)};
  front.integer(header.base_offset);
  front.integer(static_cast<std::int32_t>(size - kBatchLogOverheadBytes));
  front.integer(header.leader_epoch);
  front.integer(kBatchMagic);
  front.integer(crc32c(covered));
  front.raw(covered);
  return batch;
}

constexpr std::int16_t kDeleteHorizonBit = 0x40;

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
  // Without gaps as producers send them; compaction leaves some.
  if (offset_delta <= last_delta_ || offset_delta > batch_.last_offset_delta()) {
    body.fail("a record's offset delta is out of order");
  }
  last_delta_ = offset_delta;
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
  Writer to{BufferSink(records_)};
  put_record(to, record, base_timestamp_ms_, count_);
  ++count_;
}

void RecordBatchBuilder::add(std::int64_t timestamp_ms, std::optional<ByteView> key,
                             std::optional<ByteView> value) {
  add(Record{.timestamp_ms = timestamp_ms, .key = key, .value = value});
}

Buffer RecordBatchBuilder::finish() && {
  return assembled(records_, Compression::none);
}

Result<Buffer> RecordBatchBuilder::finish(Compression codec) && {
  TRY(packed, compress(codec, records_));
  return assembled(packed, codec);
}

Buffer RecordBatchBuilder::assembled(ByteView records, Compression codec) const {
  CHECK(count_ > 0);
  const int flags = (options_.transactional ? 0x10 : 0) | (options_.control ? 0x20 : 0);
  return assemble({.base_offset = options_.base_offset,
                   .leader_epoch = options_.partition_leader_epoch,
                   .attributes = static_cast<std::int16_t>(flags | static_cast<int>(codec)),
                   .last_offset_delta = count_ - 1,
                   .base_timestamp_ms = base_timestamp_ms_,
                   .max_timestamp_ms = max_timestamp_ms_,
                   .producer_id = options_.producer_id,
                   .producer_epoch = options_.producer_epoch,
                   .base_sequence = options_.base_sequence,
                   .record_count = count_},
                  records);
}

Result<Buffer> thin_batch(const RecordBatchView& batch, std::span<const Record> kept,
                          std::optional<std::int64_t> delete_horizon_ms) {
  CHECK(!kept.empty());
  Front front{.base_offset = batch.base_offset(),
              .leader_epoch = batch.partition_leader_epoch(),
              .attributes = static_cast<std::int16_t>(batch.attributes() & ~kDeleteHorizonBit),
              .last_offset_delta = batch.last_offset_delta(),
              .base_timestamp_ms = batch.base_timestamp_ms(),
              .max_timestamp_ms = batch.max_timestamp_ms(),
              .producer_id = batch.producer_id(),
              .producer_epoch = batch.producer_epoch(),
              .base_sequence = batch.base_sequence(),
              .record_count = static_cast<std::int32_t>(kept.size())};
  if (delete_horizon_ms) {
    front.attributes = static_cast<std::int16_t>(front.attributes | kDeleteHorizonBit);
    front.base_timestamp_ms = *delete_horizon_ms;
  } else if (batch.has_delete_horizon()) {
    front.base_timestamp_ms = kept.front().timestamp_ms;
  }
  // Of LogAppendTime the maximum is the time of every record.
  if (batch.timestamp_type() == TimestampType::create_time) {
    front.max_timestamp_ms =
        std::ranges::max_element(kept, {}, &Record::timestamp_ms)->timestamp_ms;
  }
  Buffer records;
  Writer to{BufferSink(records)};
  for (const Record& record : kept) {
    put_record(to, record, front.base_timestamp_ms,
               static_cast<std::int32_t>(subtract_wrapping(record.offset, front.base_offset)));
  }
  TRY(packed, compress(batch.compression(), records));
  return assemble(front, packed);
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
