#include "shared/wire/io.h"

#include <doctest/doctest.h>

#include <limits>

namespace sluice::wire {

namespace {

template <class Write>
Buffer written(Write write) {
  Buffer bytes;
  Writer to{BufferSink(bytes)};
  write(to);
  return bytes;
}

Buffer bytes_of(std::initializer_list<int> values) {
  Buffer bytes;
  for (const int value : values) bytes += static_cast<char>(value);
  return bytes;
}

}  // namespace

TEST_CASE("integers are big-endian and of their width") {
  const Buffer bytes = written([](Writer& to) {
    to.integer(std::int8_t{-2});
    to.integer(std::int16_t{0x0102});
    to.integer(std::int32_t{-1});
    to.integer(std::numeric_limits<std::int64_t>::min());
    to.boolean(true);
  });
  CHECK((bytes == bytes_of({0xfe, 1, 2, 0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1})));
  Reader from(bytes);
  CHECK_EQ(from.integer<std::int8_t>(), -2);
  CHECK_EQ(from.integer<std::int16_t>(), 0x0102);
  CHECK_EQ(from.integer<std::int32_t>(), -1);
  CHECK_EQ(from.integer<std::int64_t>(), std::numeric_limits<std::int64_t>::min());
  CHECK(from.boolean());
  CHECK(from.ok());
  CHECK_EQ(from.remaining(), 0);
}

TEST_CASE("varints") {
  struct Row {
    std::uint32_t value;
    Buffer bytes;
  };
  const Row rows[] = {
      {0, bytes_of({0})},
      {127, bytes_of({0x7f})},
      {128, bytes_of({0x80, 1})},
      {300, bytes_of({0xac, 2})},
      {0xffffffff, bytes_of({0xff, 0xff, 0xff, 0xff, 0x0f})},
  };
  for (const Row& row : rows) {
    CAPTURE(row.value);
    CHECK((written([&](Writer& to) { to.unsigned_varint(row.value); }) == row.bytes));
    Reader from(row.bytes);
    CHECK_EQ(from.unsigned_varint(), row.value);
    CHECK(from.ok());
  }
}

TEST_CASE("zigzag varints of both widths") {
  struct Row {
    std::int64_t value;
    Buffer bytes;
  };
  const Row rows[] = {
      {0, bytes_of({0})},
      {-1, bytes_of({1})},
      {1, bytes_of({2})},
      {-64, bytes_of({0x7f})},
      {64, bytes_of({0x80, 1})},
      {std::numeric_limits<std::int32_t>::max(), bytes_of({0xfe, 0xff, 0xff, 0xff, 0x0f})},
      {std::numeric_limits<std::int32_t>::min(), bytes_of({0xff, 0xff, 0xff, 0xff, 0x0f})},
      {std::numeric_limits<std::int64_t>::min(),
       bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})},
  };
  for (const Row& row : rows) {
    CAPTURE(row.value);
    CHECK((written([&](Writer& to) { to.varint(row.value); }) == row.bytes));
    Reader wide(row.bytes);
    CHECK_EQ(wide.varlong(), row.value);
    CHECK(wide.ok());
    Reader narrow(row.bytes);
    const std::int32_t value = narrow.varint();
    const bool fits = row.value == static_cast<std::int32_t>(row.value);
    CHECK_EQ(narrow.ok(), fits);
    CHECK_EQ(value, fits ? row.value : 0);
  }
}

TEST_CASE("a varint that does not end or does not fit is an error") {
  for (const Buffer& bytes :
       {bytes_of({}), bytes_of({0x80}), bytes_of({0xff, 0xff, 0xff, 0xff, 0x1f}),
        bytes_of({0x80, 0x80, 0x80, 0x80, 0x80, 1})}) {
    Reader from(bytes);
    CHECK_EQ(from.unsigned_varint(), 0);
    CHECK_FALSE(from.ok());
  }
}

TEST_CASE("strings and bytes in both forms, null and empty told apart") {
  const Buffer bytes = written([](Writer& to) {
    to.string("ab", Form::classic);
    to.string("ab", Form::compact);
    to.null_string(Form::classic);
    to.null_string(Form::compact);
    to.bytes("", Form::classic);
    to.bytes("", Form::compact);
    to.null_length(Form::classic);
    to.null_length(Form::compact);
  });
  CHECK_EQ(bytes.size(), 4 + 3 + 2 + 1 + 4 + 1 + 4 + 1);
  Reader from(bytes);
  CHECK_EQ(from.nullable_string(Form::classic), "ab");
  CHECK_EQ(from.nullable_string(Form::compact), "ab");
  CHECK_EQ(from.nullable_string(Form::classic), std::nullopt);
  CHECK_EQ(from.nullable_string(Form::compact), std::nullopt);
  CHECK_EQ(from.nullable_bytes(Form::classic), "");
  CHECK_EQ(from.nullable_bytes(Form::compact), "");
  CHECK_EQ(from.nullable_bytes(Form::classic), std::nullopt);
  CHECK_EQ(from.nullable_bytes(Form::compact), std::nullopt);
  CHECK(from.ok());
  CHECK_EQ(from.remaining(), 0);
}

TEST_CASE("a compact string may not be longer than a classic one, and is cut to that") {
  const Buffer long_text(kMaxStringBytes + 1, 'x');
  const Buffer as_bytes = written([&](Writer& to) { to.bytes(long_text, Form::compact); });
  Reader refused(as_bytes);
  CHECK_EQ(refused.nullable_string(Form::compact), std::nullopt);
  CHECK_FALSE(refused.ok());
  for (const Form form : {Form::classic, Form::compact}) {
    const Buffer cut = written([&](Writer& to) { to.string(long_text, form); });
    Reader from(cut);
    CHECK_EQ(from.nullable_string(form)->size(), kMaxStringBytes);
    CHECK_EQ(from.remaining(), 0);
  }
}

TEST_CASE("lengths and counts that the bytes cannot hold are errors") {
  const Buffer negative = bytes_of({0xff, 0xff, 0xff, 0xfe});
  const Buffer huge = bytes_of({0x7f, 0xff, 0xff, 0xff, 0});
  for (const Buffer& bytes : {negative, huge}) {
    Reader count(bytes);
    CHECK_EQ(count.nullable_count(Form::classic), std::nullopt);
    CHECK_FALSE(count.ok());
    Reader length(bytes);
    CHECK_EQ(length.nullable_bytes(Form::classic), std::nullopt);
    CHECK_FALSE(length.ok());
  }
}

TEST_CASE("the first error stays, and every read after it gives nothing") {
  Reader from("\x01\x02\x03");
  from.integer<std::int32_t>();
  CHECK_FALSE(from.ok());
  const std::string reason(from.reason());
  CHECK_EQ(from.integer<std::int8_t>(), 0);
  CHECK_EQ(from.take(0), "");
  from.fail("another");
  CHECK_EQ(from.reason(), reason);
  CHECK_EQ(from.remaining(), 0);
}

}  // namespace sluice::wire
