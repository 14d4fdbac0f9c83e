#include "shared/wire/compression.h"

#include <algorithm>
#include <memory>

#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

namespace sluice::wire {
namespace {

constexpr std::size_t kChunkBytes = 64 << 10;

std::unexpected<Error> corrupt(const char* codec) {
  return fail(Code::corrupt, std::string("compressed records: the bytes are not ") + codec);
}

std::unexpected<Error> refused(const char* codec) {
  return fail(Code::invalid, std::string("records cannot be compressed with ") + codec);
}

// What a codec writes into piece by piece.
class Output {
 public:
  explicit Output(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  char* place() {
    bytes_.resize(used_ + kChunkBytes);
    return bytes_.data() + used_;
  }
  Result<void> took(std::size_t count) {
    used_ += count;
    if (used_ <= bytes_max_) return {};
    return fail(Code::too_large,
                "compressed records: they take more than " + std::to_string(bytes_max_) + " bytes");
  }
  Buffer finish() {
    bytes_.resize(used_);
    return std::move(bytes_);
  }

 private:
  const std::size_t bytes_max_;
  Buffer bytes_;
  std::size_t used_ = 0;
};

// zlib takes its input without const and does not write to it.
Bytef* zlib_input(ByteView bytes) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
}

Result<Buffer> gunzip(ByteView bytes, std::size_t bytes_max) {
  z_stream stream{};
  constexpr int kGzipOnly = 15 + 16;
  if (inflateInit2(&stream, kGzipOnly) != Z_OK) return refused("gzip");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ended(&stream, inflateEnd);
  stream.next_in = zlib_input(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  Output out(bytes_max);
  for (int state = Z_OK; state != Z_STREAM_END;) {
    stream.next_out = reinterpret_cast<Bytef*>(out.place());
    stream.avail_out = kChunkBytes;
    state = inflate(&stream, Z_NO_FLUSH);
    if (state != Z_OK && state != Z_STREAM_END) return corrupt("gzip");
    TRY_VOID(out.took(kChunkBytes - stream.avail_out));
  }
  return out.finish();
}

Result<Buffer> gzip(ByteView bytes) {
  z_stream stream{};
  constexpr int kGzipFormat = 15 + 16;
  constexpr int kMemoryLevel = 8;  // zlib's default
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipFormat, kMemoryLevel,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return refused("gzip");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> ended(&stream, deflateEnd);
  Buffer out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = zlib_input(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return refused("gzip");
  out.resize(stream.total_out);
  return out;
}

// snappy-java's SnappyOutputStream: a header of 16 bytes, then blocks, each with its length.
constexpr ByteView kSnappyJavaMagic("\x82SNAPPY\0", 8);
constexpr std::size_t kSnappyJavaHeaderBytes = 16;
constexpr std::size_t kSnappyBlockBytes = 32 << 10;

Result<void> unsnap_block(ByteView block, std::size_t bytes_max, Buffer& to) {
  std::size_t size = 0;
  if (snappy_uncompressed_length(block.data(), block.size(), &size) != SNAPPY_OK) {
    return corrupt("snappy");
  }
  if (size > bytes_max - std::min(bytes_max, to.size())) {
    return fail(Code::too_large,
                "compressed records: they take more than " + std::to_string(bytes_max) + " bytes");
  }
  const std::size_t at = to.size();
  to.resize(at + size);
  if (snappy_uncompress(block.data(), block.size(), to.data() + at, &size) != SNAPPY_OK) {
    return corrupt("snappy");
  }
  return {};
}

Result<Buffer> unsnap(ByteView bytes, std::size_t bytes_max) {
  Buffer out;
  if (!bytes.starts_with(kSnappyJavaMagic)) {
    TRY_VOID(unsnap_block(bytes, bytes_max, out));
    return out;
  }
  if (bytes.size() < kSnappyJavaHeaderBytes) return corrupt("snappy");
  bytes.remove_prefix(kSnappyJavaHeaderBytes);
  while (!bytes.empty()) {
    if (bytes.size() < 4) return corrupt("snappy");
    const auto length = load_be<std::uint32_t>(bytes.data());
    bytes.remove_prefix(4);
    if (length > bytes.size()) return corrupt("snappy");
    TRY_VOID(unsnap_block(bytes.substr(0, length), bytes_max, out));
    bytes.remove_prefix(length);
  }
  return out;
}

Result<Buffer> snap(ByteView bytes) {
  Buffer out(kSnappyJavaMagic);
  append_be(out, std::uint32_t{1});  // version, and the oldest that can read it
  append_be(out, std::uint32_t{1});
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), kSnappyBlockBytes))) {
    const ByteView block = bytes.substr(0, kSnappyBlockBytes);
    std::size_t size = snappy_max_compressed_length(block.size());
    Buffer snapped(size, '\0');
    if (snappy_compress(block.data(), block.size(), snapped.data(), &size) != SNAPPY_OK) {
      return refused("snappy");
    }
    append_be(out, static_cast<std::uint32_t>(size));
    out.append(snapped, 0, size);
  }
  return out;
}

Result<Buffer> unlz4(ByteView bytes, std::size_t bytes_max) {
  LZ4F_dctx* raw = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&raw, LZ4F_VERSION))) return refused("lz4");
  const std::unique_ptr<LZ4F_dctx, LZ4F_errorCode_t (*)(LZ4F_dctx*)> context(
      raw, LZ4F_freeDecompressionContext);
  Output out(bytes_max);
  for (std::size_t wanted = 1; wanted != 0;) {
    std::size_t written = kChunkBytes;
    std::size_t read = bytes.size();
    char* place = out.place();
    wanted = LZ4F_decompress(context.get(), place, &written, bytes.data(), &read, nullptr);
    if (LZ4F_isError(wanted) || (read == 0 && written == 0 && wanted != 0)) return corrupt("lz4");
    bytes.remove_prefix(read);
    TRY_VOID(out.took(written));
  }
  return out.finish();
}

Result<Buffer> lz4(ByteView bytes) {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;  // the only one that Java's client reads
  Buffer out(LZ4F_compressFrameBound(bytes.size(), &preferences), '\0');
  const std::size_t size =
      LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), &preferences);
  if (LZ4F_isError(size)) return refused("lz4");
  out.resize(size);
  return out;
}

Result<Buffer> unzstd(ByteView bytes, std::size_t bytes_max) {
  const std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                        ZSTD_freeDCtx);
  if (!context) return refused("zstd");
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  Output out(bytes_max);
  for (std::size_t wanted = 1; wanted != 0;) {
    ZSTD_outBuffer piece{out.place(), kChunkBytes, 0};
    const std::size_t before = in.pos;
    wanted = ZSTD_decompressStream(context.get(), &piece, &in);
    if (ZSTD_isError(wanted) || (in.pos == before && piece.pos == 0 && wanted != 0)) {
      return corrupt("zstd");
    }
    TRY_VOID(out.took(piece.pos));
  }
  return out.finish();
}

Result<Buffer> zstd(ByteView bytes) {
  Buffer out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size =
      ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(size)) return refused("zstd");
  out.resize(size);
  return out;
}

std::unexpected<Error> unknown_codec() {
  return fail(Code::unsupported, "compressed records: the codec is unknown");
}

}  // namespace

Result<Buffer> decompress(Compression codec, ByteView bytes, std::size_t bytes_max) {
  switch (codec) {
    case Compression::none:
      return Buffer(bytes);
    case Compression::gzip:
      return gunzip(bytes, bytes_max);
    case Compression::snappy:
      return unsnap(bytes, bytes_max);
    case Compression::lz4:
      return unlz4(bytes, bytes_max);
    case Compression::zstd:
      return unzstd(bytes, bytes_max);
  }
  return unknown_codec();
}

Result<Buffer> compress(Compression codec, ByteView bytes) {
  switch (codec) {
    case Compression::none:
      return Buffer(bytes);
    case Compression::gzip:
      return gzip(bytes);
    case Compression::snappy:
      return snap(bytes);
    case Compression::lz4:
      return lz4(bytes);
    case Compression::zstd:
      return zstd(bytes);
  }
  return unknown_codec();
}

Result<ByteView> plain_records(const RecordBatchView& batch, Buffer& storage,
                               std::size_t bytes_max) {
  if (batch.compression() == Compression::none) return batch.records();
  TRY(plain, decompress(batch.compression(), batch.records(), bytes_max));
  storage = std::move(plain);
  return ByteView(storage);
}

}  // namespace sluice::wire
