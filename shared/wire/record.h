#pragma once
// The records inside a batch: read one by one, built into a batch, and taken out of one. Of a
// compressed batch the bytes to read are what shared/wire/compression.h makes of them.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/wire/io.h"
#include "shared/wire/record_batch.h"

namespace sluice::wire {

// Views into bytes that it does not own; null is nothing.
struct Record {
  struct Header {
    ByteView key;
    std::optional<ByteView> value;

    friend bool operator==(const Header&, const Header&) = default;
  };

  std::int64_t offset = 0;
  std::int64_t timestamp_ms = kNoTimestamp;
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  std::vector<Header> headers;

  friend bool operator==(const Record&, const Record&) = default;
};

// Walks the records of one batch in order. Stops at the first bad byte.
class RecordCursor {
 public:
  // REQUIRES: the batch is uncompressed.
  explicit RecordCursor(const RecordBatchView& batch) : RecordCursor(batch, batch.records()) {}
  // `records` are the batch's decompressed bytes, which must outlive what next() gives.
  RecordCursor(const RecordBatchView& batch, ByteView records) : batch_(batch), from_(records) {}

  // False at the end and at an error; finish() tells which. Reuses the headers' memory of `into`.
  bool next(Record& into);

  // Code::corrupt unless as many records were read as the batch counts and no bytes are left.
  Result<void> finish() const;

 private:
  void read_fields(Record& into, Reader& body);
  void read_headers(Record& into, Reader& body);

  RecordBatchView batch_;
  Reader from_;
  std::int32_t read_ = 0;
  std::int32_t last_delta_ = -1;
  std::string_view reason_;  // why the walk stopped early
};

// All at once. The views point into the batch. Code::unsupported if it is compressed.
Result<std::vector<Record>> read_records(const RecordBatchView& batch);

// Builds one batch. Offsets run from the base without gaps.
class RecordBatchBuilder {
 public:
  struct Options {
    std::int64_t base_offset = 0;
    std::int32_t partition_leader_epoch = -1;
    std::int64_t producer_id = kNoProducerId;
    std::int16_t producer_epoch = -1;
    std::int32_t base_sequence = -1;
    bool transactional = false;
    bool control = false;
  };

  RecordBatchBuilder() : RecordBatchBuilder(Options{}) {}
  explicit RecordBatchBuilder(Options options) : options_(options) {}

  // The record's offset is ignored: it is the next one. The first record's time is the base.
  void add(const Record& record);
  // The same for the usual record.
  void add(std::int64_t timestamp_ms, std::optional<ByteView> key, std::optional<ByteView> value);

  std::int32_t count() const { return count_; }
  // The finished batch's size so far.
  std::size_t size() const { return kBatchHeaderBytes + records_.size(); }

  // REQUIRES: at least one record. The builder is used up.
  Buffer finish() &&;
  // The same with the records compressed. Errors: as compress() has them.
  Result<Buffer> finish(Compression codec) &&;

 private:
  Buffer assembled(ByteView records, Compression codec) const;

  Options options_;
  Buffer records_;
  std::int32_t count_ = 0;
  std::int64_t base_timestamp_ms_ = kNoTimestamp;
  std::int64_t max_timestamp_ms_ = kNoTimestamp;
};

// The batch with only the records of `kept`, which are some of its own, in order: their offsets,
// the batch's offsets, its producer and its codec stay. `delete_horizon_ms`: when its tombstones
// may go (KIP-534). REQUIRES: kept is not empty. Errors: as compress() has them.
Result<Buffer> thin_batch(const RecordBatchView& batch, std::span<const Record> kept,
                          std::optional<std::int64_t> delete_horizon_ms);

// The marker that ends a transaction in a partition: one control batch with one record, which
// takes one offset. `coordinator_epoch` is 0 on a single broker.
Buffer build_end_transaction_marker(bool commit, std::int64_t producer_id,
                                    std::int16_t producer_epoch, std::int64_t timestamp_ms,
                                    std::int32_t coordinator_epoch = 0);

}  // namespace sluice::wire
