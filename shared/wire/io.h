#pragma once
// The primitive types of the Kafka protocol over plain bytes. "Compact" is the form of the flexible
// versions (KIP-482): lengths are unsigned varints of n + 1, where 0 stands for null.

#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "shared/base/bytes.h"
#include "shared/base/shared_bytes.h"
#include "shared/wire/sink.h"

namespace sluice::wire {

enum class Form : bool { classic, compact };

// Strings carry an int16 length in the classic form, and Kafka holds the compact form to it too.
inline constexpr std::size_t kMaxStringBytes = 32767;

// Reads from bytes that it does not own. The error is sticky: after the first bad byte every read
// gives zero or nothing, and ok() is false. Allocates nothing, never throws.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}

  bool ok() const { return reason_.empty(); }
  // Why the first read failed; empty while ok().
  std::string_view reason() const { return reason_; }
  std::size_t remaining() const { return rest_.size(); }
  // Nothing failed and nothing is left over.
  bool finished() const { return ok() && rest_.empty(); }

  // Keeps the first reason. REQUIRES: `reason` is a literal.
  void fail(std::string_view reason) {
    if (ok()) reason_ = reason;
    rest_ = {};
  }

  template <std::integral T>
    requires(!std::same_as<T, bool>)
  T integer() {
    const ByteView bytes = take(sizeof(T));
    return bytes.empty() ? T{0} : load_be<T>(bytes.data());
  }
  bool boolean() { return integer<std::int8_t>() != 0; }

  std::uint32_t unsigned_varint() { return static_cast<std::uint32_t>(base128(32)); }
  std::int32_t varint() {
    const auto zigzag = static_cast<std::uint32_t>(base128(32));
    return static_cast<std::int32_t>((zigzag >> 1) ^ (~(zigzag & 1) + 1));
  }
  std::int64_t varlong() {
    const std::uint64_t zigzag = base128(64);
    return static_cast<std::int64_t>((zigzag >> 1) ^ (~(zigzag & 1) + 1));
  }

  // The next `count` bytes, or nothing and an error.
  ByteView take(std::size_t count) {
    if (count > rest_.size()) {
      fail("the bytes end early");
      return {};
    }
    const ByteView taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  // Nothing stands for null, and for an error too.
  std::optional<ByteView> nullable_string(Form form) {
    const auto length = form == Form::compact ? compact_length() : integer<std::int16_t>();
    if (length > static_cast<std::int64_t>(kMaxStringBytes)) fail("the string is too long");
    return sized(length);
  }
  std::optional<ByteView> nullable_bytes(Form form) { return sized(length32(form)); }

  // How many array elements follow; nothing for null and for errors. Each element takes at least
  // one byte, so a count above remaining() is an error before anyone loops over it.
  std::optional<std::size_t> nullable_count(Form form) {
    const std::int64_t count = length32(form);
    if (!valid_length(count)) return std::nullopt;
    if (static_cast<std::size_t>(count) > rest_.size()) {
      fail("the count exceeds the bytes that follow");
      return std::nullopt;
    }
    return static_cast<std::size_t>(count);
  }

 private:
  std::int64_t compact_length() { return static_cast<std::int64_t>(unsigned_varint()) - 1; }
  std::int64_t length32(Form form) {
    return form == Form::compact ? compact_length() : integer<std::int32_t>();
  }
  // False for null and for errors.
  bool valid_length(std::int64_t length) {
    if (length < -1) fail("the length is negative");
    return ok() && length >= 0;
  }
  std::optional<ByteView> sized(std::int64_t length) {
    if (!valid_length(length)) return std::nullopt;
    const ByteView taken = take(static_cast<std::size_t>(length));
    return ok() ? std::optional(taken) : std::nullopt;
  }

  std::uint64_t base128(unsigned bits);

  ByteView rest_;
  std::string_view reason_;
};

// Writes the primitive types. A string above kMaxStringBytes is cut there: it can only be a text of
// ours (the Reader admits none), and a shortened text serves the peer better than no reply.
template <class Sink>
class BasicWriter {
 public:
  explicit BasicWriter(Sink sink) : sink_(sink) {}

  Sink& sink() { return sink_; }

  template <std::integral T>
    requires(!std::same_as<T, bool>)
  void integer(T value) {
    sink_.put_integer(value);
  }
  void boolean(bool value) { sink_.put(value ? '\1' : '\0'); }

  void unsigned_varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) sink_.put(static_cast<char>(value | 0x80));
    sink_.put(static_cast<char>(value));
  }
  // Zigzag; the same bytes for both widths.
  void varint(std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    unsigned_varint((bits << 1) ^ (value < 0 ? ~std::uint64_t{0} : 0));
  }

  void raw(ByteView bytes) { sink_.put(bytes); }
  void shared(const SharedSlice& slice) {
    if constexpr (requires { sink_.put_shared(slice); }) {
      sink_.put_shared(slice);
    } else {
      sink_.put(slice.bytes);
    }
  }

  void string(ByteView value, Form form) {
    value = value.substr(0, kMaxStringBytes);
    if (form == Form::compact) {
      unsigned_varint(value.size() + 1);
    } else {
      integer(static_cast<std::int16_t>(value.size()));
    }
    raw(value);
  }
  void null_string(Form form) {
    if (form == Form::compact) return unsigned_varint(0);
    integer(std::int16_t{-1});
  }

  // The length before bytes, and the count before an array's elements.
  void length(std::size_t value, Form form) {
    if (form == Form::compact) return unsigned_varint(value + 1);
    integer(static_cast<std::int32_t>(value));
  }
  void null_length(Form form) {
    if (form == Form::compact) return unsigned_varint(0);
    integer(std::int32_t{-1});
  }
  void bytes(ByteView value, Form form) {
    length(value.size(), form);
    raw(value);
  }

 private:
  Sink sink_;
};

using Writer = BasicWriter<BufferSink>;
using Counter = BasicWriter<CountingSink>;

}  // namespace sluice::wire
