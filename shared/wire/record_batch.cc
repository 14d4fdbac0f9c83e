#include "shared/wire/record_batch.h"

#include <limits>

#include "shared/wire/crc32c.h"
#include "shared/wire/record.h"

namespace sluice::wire {

namespace {

constexpr std::size_t kLengthAt = 8;
constexpr std::size_t kLeaderEpochAt = 12;
constexpr std::size_t kMagicAt = 16;
constexpr std::size_t kCrcAt = 17;
constexpr std::size_t kAttributesAt = 21;  // and where the bytes begin that the CRC covers
constexpr std::size_t kMaxTimestampAt = 35;
constexpr std::int16_t kLogAppendTimeBit = 0x08;

}  // namespace

Result<RecordBatchView> RecordBatchView::at_front(ByteView bytes) {
  // Older formats have their magic byte at the same place, and a smaller header.
  if (bytes.size() > kMagicAt && bytes[kMagicAt] != kBatchMagic) {
    return fail(Code::unsupported,
                "record batch: format version " + std::to_string(bytes[kMagicAt]) + " is not 2");
  }
  if (bytes.size() < kBatchHeaderBytes) {
    return fail(Code::corrupt, "record batch: " + std::to_string(bytes.size()) +
                                   " bytes are less than its header");
  }
  const auto length = load_be<std::int32_t>(bytes.data() + kLengthAt);
  if (length < static_cast<std::int32_t>(kBatchHeaderBytes - kBatchLogOverheadBytes)) {
    return fail(Code::corrupt,
                "record batch: length " + std::to_string(length) + " is less than its header");
  }
  const std::size_t size = static_cast<std::size_t>(length) + kBatchLogOverheadBytes;
  if (size > bytes.size()) {
    return fail(Code::corrupt, "record batch: it takes " + std::to_string(size) + " bytes, but " +
                                   std::to_string(bytes.size()) + " are there");
  }
  return RecordBatchView(bytes.substr(0, size));
}

Result<void> RecordBatchView::validate() const {
  TRY_VOID(validate_header());
  if (last_offset_delta() == record_count() - 1) return {};
  return fail(Code::invalid, "record batch: the record count contradicts the last offset delta");
}

Result<void> RecordBatchView::validate_stored() const {
  TRY_VOID(validate_header());
  if (last_offset_delta() >= record_count() - 1) return {};
  return fail(Code::invalid, "record batch: it has more records than offsets");
}

Result<void> RecordBatchView::validate_header() const {
  if (crc32c(bytes_.substr(kAttributesAt)) != crc()) {
    return fail(Code::corrupt, "record batch: its CRC does not match its bytes");
  }
  const auto invalid = [](const char* what) {
    return fail(Code::invalid, std::string("record batch: ") + what);
  };
  if (compression() > Compression::zstd) return invalid("the compression codec is unknown");
  if (record_count() <= 0) return invalid("it has no records");
  if (has_producer()) {
    if (producer_id() < 0) return invalid("the producer id is negative");
    if (producer_epoch() < 0) return invalid("the producer epoch is negative");
    // Control batches come from the coordinator and have no sequence.
    if (base_sequence() < 0 && !is_control()) return invalid("the base sequence is negative");
  } else if (is_transactional()) {
    return invalid("it is transactional without a producer id");
  }
  return {};
}

Result<void> RecordBatchView::validate_deep() const {
  TRY_VOID(validate());
  return validate_records();
}

Result<void> RecordBatchView::validate_records() const {
  if (compression() != Compression::none) return {};
  RecordCursor cursor(*this);
  Record record;
  while (cursor.next(record)) {
  }
  return cursor.finish();
}

std::int32_t RecordBatchView::last_sequence() const {
  constexpr std::int64_t kSequences = std::int64_t{std::numeric_limits<std::int32_t>::max()} + 1;
  if (base_sequence() < 0) return base_sequence();
  return static_cast<std::int32_t>((std::int64_t{base_sequence()} + last_offset_delta()) %
                                   kSequences);
}

Result<std::vector<RecordBatchView>> split_batches(ByteView bytes) {
  std::vector<RecordBatchView> batches;
  while (!bytes.empty()) {
    TRY(batch, RecordBatchView::at_front(bytes));
    bytes.remove_prefix(batch.size());
    batches.push_back(batch);
  }
  return batches;
}

void stamp_batch(char* batch, std::int64_t base_offset, std::int32_t partition_leader_epoch) {
  store_be(batch, base_offset);
  store_be(batch + kLeaderEpochAt, partition_leader_epoch);
}

void stamp_log_append_time(char* batch, std::size_t size, std::int64_t time_ms) {
  const auto attributes = load_be<std::int16_t>(batch + kAttributesAt);
  store_be(batch + kAttributesAt, static_cast<std::int16_t>(attributes | kLogAppendTimeBit));
  store_be(batch + kMaxTimestampAt, time_ms);
  store_be(batch + kCrcAt, crc32c(ByteView(batch, size).substr(kAttributesAt)));
}

}  // namespace sluice::wire
