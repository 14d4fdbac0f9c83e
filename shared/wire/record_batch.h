#pragma once
// Record batches of format version 2 (KIP-98), the only one that Kafka 4 stores. To a broker they
// are opaque: checked, stamped with their offset in place, stored and served without re-encoding.

#include <cstdint>
#include <optional>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/result.h"

namespace sluice::wire {

inline constexpr std::size_t kBatchHeaderBytes = 61;
// base_offset and batch_length, which batch_length does not count.
inline constexpr std::size_t kBatchLogOverheadBytes = 12;
inline constexpr std::int8_t kBatchMagic = 2;
inline constexpr std::int64_t kNoTimestamp = -1;
inline constexpr std::int64_t kNoProducerId = -1;

enum class Compression : std::int8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };
enum class TimestampType : std::int8_t { create_time = 0, log_append_time = 1 };

// Reads the header of one batch inside bytes that it does not own. A view exists only of bytes
// whose lengths are sane (see at_front); whether they are *right* is what validate() says.
class RecordBatchView {
 public:
  // The batch at the front of `bytes`; others may follow it. Errors: Code::corrupt if the bytes end
  // early or the length is impossible, Code::unsupported for another format version.
  static Result<RecordBatchView> at_front(ByteView bytes);

  // What a broker must not take otherwise. Code::corrupt: the CRC does not match. Code::invalid:
  // the CRC matches, but counts, offsets, attributes or producer fields contradict each other.
  Result<void> validate() const;
  // The same for a batch that the log holds: compaction may have taken some of its records, which
  // leaves it fewer than its offsets.
  Result<void> validate_stored() const;
  // Walks the records: Code::corrupt unless there are as many as the header counts and nothing
  // else. Says nothing of a compressed batch. REQUIRES: validate().
  Result<void> validate_records() const;
  // Both.
  Result<void> validate_deep() const;

  ByteView bytes() const { return bytes_; }
  ByteView records() const { return bytes_.substr(kBatchHeaderBytes); }
  std::size_t size() const { return bytes_.size(); }

  std::int64_t base_offset() const { return at<std::int64_t>(0); }
  std::int32_t partition_leader_epoch() const { return at<std::int32_t>(12); }
  std::uint32_t crc() const { return at<std::uint32_t>(17); }
  std::int16_t attributes() const { return at<std::int16_t>(21); }
  std::int32_t last_offset_delta() const { return at<std::int32_t>(23); }
  std::int64_t base_timestamp_ms() const { return at<std::int64_t>(27); }
  std::int64_t max_timestamp_ms() const { return at<std::int64_t>(35); }
  std::int64_t producer_id() const { return at<std::int64_t>(43); }
  std::int16_t producer_epoch() const { return at<std::int16_t>(51); }
  std::int32_t base_sequence() const { return at<std::int32_t>(53); }
  std::int32_t record_count() const { return at<std::int32_t>(57); }

  // May name a codec that Kafka does not have: validate() refuses those.
  Compression compression() const { return static_cast<Compression>(attributes() & 0x07); }
  TimestampType timestamp_type() const {
    return (attributes() & 0x08) != 0 ? TimestampType::log_append_time : TimestampType::create_time;
  }
  bool is_transactional() const { return (attributes() & 0x10) != 0; }
  bool is_control() const { return (attributes() & 0x20) != 0; }
  // KIP-534: compaction has seen its tombstones, and base_timestamp_ms() is when they may go.
  bool has_delete_horizon() const { return (attributes() & 0x40) != 0; }
  bool has_producer() const { return producer_id() != kNoProducerId; }

  // Means something after validate(), and wraps around where a client's base offset is absurd.
  std::int64_t next_offset() const {
    return static_cast<std::int64_t>(at<std::uint64_t>(0) +
                                     static_cast<std::uint64_t>(last_offset_delta()) + 1);
  }
  std::int64_t last_offset() const {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(next_offset()) - 1);
  }
  // Sequences wrap from int32's maximum to 0.
  std::int32_t last_sequence() const;

 private:
  explicit RecordBatchView(ByteView bytes) : bytes_(bytes) {}

  Result<void> validate_header() const;

  template <class T>
  T at(std::size_t position) const {
    return load_be<T>(bytes_.data() + position);
  }

  ByteView bytes_;
};

// All of `bytes` as batches one behind the other; none for no bytes. Errors as at_front has them;
// they include a last batch that is cut short.
Result<std::vector<RecordBatchView>> split_batches(ByteView bytes);

// Writes offset and epoch into the batch in place; the CRC does not cover them. REQUIRES: `batch`
// points at the bytes of a batch that at_front took.
void stamp_batch(char* batch, std::int64_t base_offset, std::int32_t partition_leader_epoch);

// Makes `time_ms` the time of all records (message.timestamp.type=LogAppendTime), with a new CRC.
// REQUIRES: as above; `size` is that batch's size.
void stamp_log_append_time(char* batch, std::size_t size, std::int64_t time_ms);

}  // namespace sluice::wire
