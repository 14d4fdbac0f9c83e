// Takes any bytes as batches. The CRC keeps a fuzzer out, so each batch is looked at a second time
// with a right one.

#include <cstdint>

#include "shared/base/check.h"
#include "shared/wire/record.h"
#include "shared/wire/record_batch.h"

namespace {

using namespace sluice;
using namespace sluice::wire;

void look_at(const RecordBatchView& batch) {
  const bool valid = batch.validate().has_value();
  const bool deeply_valid = batch.validate_deep().has_value();
  CHECK(valid || !deeply_valid);
  if (valid) CHECK(batch.last_offset_delta() >= 0);
  if (valid && batch.has_producer() && !batch.is_control()) CHECK(batch.last_sequence() >= 0);
  const auto records = read_records(batch);
  if (!deeply_valid || batch.compression() != Compression::none) return;
  CHECK(records.has_value());
  CHECK(records->size() == static_cast<std::size_t>(batch.record_count()));
  // Reading the rebuilt batch gives the same records.
  RecordBatchBuilder builder({.base_offset = batch.base_offset()});
  for (const Record& record : *records) builder.add(record);
  const Buffer rebuilt = std::move(builder).finish();
  const auto again = RecordBatchView::at_front(rebuilt);
  CHECK(again.has_value());
  CHECK(again->validate_deep().has_value());
  const auto records_again = read_records(*again);
  CHECK(records_again.has_value());
  CHECK(*records_again == *records);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(reinterpret_cast<const char*>(data), size);
  (void)split_batches(bytes);
  const auto first = RecordBatchView::at_front(bytes);
  if (!first) return 0;
  look_at(*first);
  Buffer repaired(first->bytes());
  stamp_log_append_time(repaired.data(), repaired.size(), first->max_timestamp_ms());
  look_at(*RecordBatchView::at_front(repaired));
  return 0;
}
