#pragma once
// The codecs of compressed record batches, as Kafka's clients use them: gzip, snappy in
// snappy-java's frames (or bare, as librdkafka sends it), LZ4 frames, zstd. Only this file's source
// sees the libraries. No state; any thread.

#include <cstddef>

#include "shared/base/bytes.h"
#include "shared/base/result.h"
#include "shared/wire/record_batch.h"

namespace sluice::wire {

// The default limit of what a batch's records may become: 64 times the default largest batch. A
// batch that hides more is a bomb or a mistake.
inline constexpr std::size_t kDecompressedBytesMax = 64 << 20;

// Errors: Code::too_large above bytes_max, Code::corrupt for bytes that the codec does not read,
// Code::unsupported for a codec that Kafka does not have.
Result<Buffer> decompress(Compression codec, ByteView bytes,
                          std::size_t bytes_max = kDecompressedBytesMax);

// Errors: Code::unsupported as above; Code::invalid when a library refuses, which is for lack of
// memory.
Result<Buffer> compress(Compression codec, ByteView bytes);

// The records of a batch as they are without compression: a view of the batch, or of `storage`.
Result<ByteView> plain_records(const RecordBatchView& batch, Buffer& storage,
                               std::size_t bytes_max = kDecompressedBytesMax);

}  // namespace sluice::wire
